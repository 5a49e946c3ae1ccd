//! `dev`: serves a contract while it is being written.
//!
//! Every save is compiled beside what is running, checked, and put in its place in one step.
//! What cannot be served is shown, and the last good contract goes on being served.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use frontdesk::mail::Mailbox;
use frontdesk::model::Model;
use frontdesk::post::{self, Carrier, Postman};
use frontdesk::seed::{self, SeedError, Seeded};
use frontdesk::trial::{self, TrialKeys};
use frontdesk::watch::Watch;
use frontdesk::web::origin::Origin;
use frontdesk::{App, Compiled, Error, Migrate, Project, Stopping};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::asked::Asked;
use super::doors::Doors;
use super::serve::Signals;
use super::{Done, Trouble, explain_error, runtime, tell_seed_error, tell_warnings};
use crate::banner;
use crate::config::{Config, Flags};
use crate::log;
use crate::terminal::{CAREFUL, GOOD, QUIET, say, styled, tell};

const EXAMPLE: &str = "\
Example:
  frontdesk dev examples/bookstore
  frontdesk dev notes --listen 9000";

/// How long the threads may take to end after everything else has.
const GOODBYE: Duration = Duration::from_secs(1);
/// How often tables are looked at that somebody else has to change.
const TABLES_POLL: Duration = Duration::from_millis(500);

/// Serve a contract while it is being written: again at every save
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Dev {
    /// The contract's folder
    #[arg(default_value = ".")]
    dir: PathBuf,

    #[command(flatten)]
    flags: Flags,
}

impl Dev {
    pub fn asked(&self) -> Asked {
        Asked::about(&self.dir, &self.flags.storage)
    }

    pub fn run(self) -> Done {
        let config = Config::resolve(&self.dir, &self.flags, None).map_err(Trouble::Usage)?;
        if self.flags.print_config {
            say(config.to_text());
            return Ok(());
        }
        log::start(&config.log.value).map_err(Trouble::Usage)?;
        let project = Project::open(&self.dir)?;
        let runtime = runtime()?;
        let served = runtime.block_on(serve(project, &config, self.asked()));
        runtime.shutdown_timeout(GOODBYE);
        // Closes the database, which writes its log back.
        drop(served?);
        Ok(())
    }
}

async fn serve(project: Project, config: &Config, asked: Asked) -> Result<Option<App>, Trouble> {
    // First, because nothing else matters if somebody else is there.
    let doors = Doors::open(config, false)?;
    let mut signals = Signals::new()?;
    let mut desk = Desk::new(project, &doors, asked)?;
    let app = tokio::select! {
        app = desk.open(config) => app?,
        _ = signals.next() => return Ok(None),
    };
    let mut keys = trial::keys(&app).await?;
    let seeded = desk.seed(&app).await;
    say(banner::welcome(&app, desk.origin.as_str(), &keys, &seeded).await);
    if let Some(origin) = &doors.private_origin {
        say(format!(
            "  For your own services, private things too: {origin}"
        ));
    }
    let stop = async {
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            log::flush();
            process::exit(1);
        });
    };
    let follow = async {
        loop {
            desk.changed(&app).await;
            desk.reload(&app, &mut keys).await;
        }
    };
    tokio::select! {
        () = follow => {}
        _ = app.serve(doors.listeners, Stopping::at_once(), stop) => {}
    }
    Ok(Some(app.clone()))
}

/// Follows a contract's folder.
struct Desk {
    project: Project,
    /// For commands that messages advise.
    asked: Asked,
    /// Where it is served.
    address: SocketAddr,
    origin: Origin,
    watch: Watch,
    /// What was compiled last, good or not.
    seen: Option<Compiled>,
    /// A good contract whose tables nobody has allowed yet.
    waiting: Option<Arc<Model>>,
    /// What was wrong with the seed when it was last looked at.
    seed_error: Option<SeedError>,
    /// Nobody is written to.
    mailbox: Arc<Mailbox>,
    postman: Arc<Postman>,
}

impl Desk {
    fn new(project: Project, doors: &Doors, asked: Asked) -> Result<Desk, Trouble> {
        let watch = Watch::start().map_err(|error| {
            Trouble::Wrong(format!("changes cannot be watched for: {error}"), None)
        })?;
        let folder = BTreeSet::from([project.folder().to_owned()]);
        let mailbox = Arc::new(Mailbox::default());
        let carrier = Carrier::Mailbox(Arc::clone(&mailbox));
        let postman = Postman::new(carrier, doors.origin.as_str(), project.folder());
        let mut desk = Desk {
            project,
            asked,
            address: doors.address,
            origin: doors.origin.clone(),
            watch,
            seen: None,
            waiting: None,
            seed_error: None,
            mailbox,
            postman: Arc::new(postman),
        };
        desk.follow(&folder);
        Ok(desk)
    }

    /// The app, as soon as there is a contract that can be served.
    async fn open(&mut self, config: &Config) -> Result<App, Trouble> {
        let mut is_news = true;
        loop {
            let error = match self.try_open(config).await {
                Ok(app) => return Ok(app),
                Err(error) if can_be_mended(&error) => error,
                Err(error) => return Err(error.into()),
            };
            if is_news {
                explain_error(&error, &self.asked);
                tell(styled(QUIET, "\nWaiting for a change …"));
            }
            // What is pending may be applied by another command, which changes no file.
            let is_pending = matches!(error, Error::Pending(_));
            is_news = tokio::select! {
                () = self.watch.changed() => true,
                () = sleep(TABLES_POLL), if is_pending => false,
            };
        }
    }

    async fn try_open(&mut self, config: &Config) -> Result<App, Error> {
        let (model, compiled) = self.compile().await?.into_model()?;
        tell_warnings(&compiled, &self.asked);
        self.seen = Some(compiled);
        let builder = App::builder(self.project.folder())
            .origin(self.origin.clone())
            .address(self.address)
            .data(&config.data.value)
            .trusted_proxies(config.trusted_proxies.value.clone())
            .database(config.database.value.clone())
            .durability(config.durability.value)
            .master_key(config.master_key.value.clone())
            .post(Arc::clone(&self.postman) as _)
            .mailbox(Arc::clone(&self.mailbox))
            .post(Arc::clone(&self.postman) as _)
            .development();
        self.postman.take_up(&model)?;
        builder
            .migrate(Migrate::Safe)
            .open_model(Arc::new(model))
            .await
    }

    /// Compiles the contract as it is now, and watches where it lies.
    async fn compile(&mut self) -> Result<Compiled, Error> {
        let project = self.project.clone();
        let compiling = spawn_blocking(move || project.compile());
        let compiled = match compiling.await {
            Ok(compiled) => compiled?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        self.follow(&compiled.folders);
        Ok(compiled)
    }

    fn follow(&mut self, folders: &BTreeSet<PathBuf>) {
        let mut folders = folders.clone();
        folders.insert(self.project.folder().join(seed::FOLDER));
        folders.insert(self.project.folder().join(post::FOLDER));
        self.watch.folders(&folders);
    }

    /// Waits until there may be something else to serve.
    async fn changed(&mut self, app: &App) {
        let mut changed = pin!(self.watch.changed());
        let Some(waiting) = &self.waiting else {
            return changed.await;
        };
        loop {
            tokio::select! {
                () = &mut changed => return,
                () = sleep(TABLES_POLL) => {
                    if let Ok(None) = app.database().pending(waiting).await {
                        // Somebody has applied it: what was seen can be served now.
                        self.seen = None;
                        return;
                    }
                }
            }
        }
    }

    /// Puts what the files say now in place of what is being served, if it is something else
    /// and good.
    async fn reload(&mut self, app: &App, keys: &mut TrialKeys) {
        let started = Instant::now();
        match self.compile().await {
            Ok(compiled) => {
                let seen = self.seen.as_ref();
                if !seen.is_some_and(|seen| seen.is_of_the_same_text(&compiled)) {
                    self.swap(app, compiled, started).await;
                    renew_keys(app, keys, &self.asked).await;
                } else if let Err(error) = self.postman.take_up(&app.model()) {
                    // Templates are no part of the contract's text.
                    tell_failure(&error.into(), &self.asked);
                }
            }
            Err(error) => {
                self.seen = None;
                tell_failure(&error, &self.asked);
            }
        }
        let seeded = self.seed(app).await;
        for done in seeded {
            say(format!(
                "{} {} {}",
                styled(GOOD, "seeded"),
                done.records,
                done.noun
            ));
        }
    }

    async fn swap(&mut self, app: &App, compiled: Compiled, started: Instant) {
        self.waiting = None;
        let (model, compiled) = match compiled.into_model() {
            Ok(good) => good,
            Err(error) => {
                tell_failure(&error, &self.asked);
                if let Error::Contract(compiled) = error {
                    self.seen = Some(*compiled);
                }
                return;
            }
        };
        let model = Arc::new(model);
        let swapped = match self.postman.take_up(&model) {
            Ok(()) => app.swap(Arc::clone(&model), Migrate::Safe).await,
            Err(error) => Err(error.into()),
        };
        match swapped {
            Ok(steps) => {
                let millis = started.elapsed().as_millis();
                say(format!(
                    "{} {}",
                    styled(GOOD, "reloaded"),
                    styled(QUIET, format!("in {millis} ms")),
                ));
                for step in steps {
                    say(format!("  {} {step}", styled(GOOD, "+")));
                }
                tell_warnings(&compiled, &self.asked);
            }
            Err(error) => {
                tell_failure(&error, &self.asked);
                if let Error::Pending(_) = error {
                    self.waiting = Some(model);
                }
            }
        }
        self.seen = Some(compiled);
    }

    /// Fills an empty database. A mistake is told once.
    async fn seed(&mut self, app: &App) -> Vec<Seeded> {
        match seed::fill(&app.engine(), self.project.folder()).await {
            Ok(seeded) => {
                self.seed_error = None;
                seeded
            }
            Err(error) => {
                if self.seed_error.as_ref() != Some(&error) {
                    tell_seed_error(&error);
                    self.seed_error = Some(error);
                }
                vec![]
            }
        }
    }
}

fn can_be_mended(error: &Error) -> bool {
    matches!(
        error,
        Error::Contract(_)
            | Error::Refused(_)
            | Error::Pending(_)
            | Error::Origin(_)
            | Error::NoContract { .. }
            | Error::File(_)
            | Error::Mail(_)
    )
}

fn tell_failure(error: &Error, asked: &Asked) {
    explain_error(error, asked);
    tell(styled(
        CAREFUL,
        "The last good contract goes on being served.",
    ));
}

/// The key for trying has every scope, also new ones.
async fn renew_keys(app: &App, keys: &mut TrialKeys, asked: &Asked) {
    match trial::keys(app).await {
        Ok(now) if now != *keys => {
            say(format!("  The API key for trying is now {}", now.api));
            *keys = now;
        }
        Ok(_) => {}
        Err(error) => explain_error(&error, asked),
    }
}
