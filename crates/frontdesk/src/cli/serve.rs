//! `serve`: in production.

use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use frontdesk::audit::{Action, AuditError, Entry, Filter};
use frontdesk::post::{Carrier, Postman};
use frontdesk::{App, Durability, Migrate, Project, Stopping, now, trial};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::asked::Asked;
use super::doors::Doors;
use super::{Done, Trouble, audit, runtime, tell_warnings};
use crate::config::{Config, Flags};
use crate::log;
use crate::terminal::say;

const EXAMPLE: &str = "\
Example:
  frontdesk serve examples/bookstore --listen 0.0.0.0:8080 --data /var/lib/bookstore --migrate

Refuses to start while the contract has mistakes or the tables do not fit it. SIGTERM ends it
gently: `/readyz` says no, requests are accepted for --drain seconds more, those that were begun
may take 30 s. A second signal ends it at once.";

/// How long the threads may take to end after everything else has.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serve a contract
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Serve {
    /// The contract's folder
    #[arg(default_value = ".")]
    dir: PathBuf,

    #[command(flatten)]
    flags: Flags,

    /// Bring the tables to the contract first, if that loses no data
    #[arg(long)]
    migrate: bool,

    /// With --migrate: also if it loses data
    #[arg(long, requires = "migrate")]
    allow_data_loss: bool,

    /// Seconds to go on accepting after being told to stop [default: 5] [env: FRONTDESK_DRAIN]
    #[arg(long, value_name = "SECONDS")]
    drain: Option<u64>,
}

impl Serve {
    pub fn asked(&self) -> Asked {
        Asked::about(&self.dir, &self.flags.storage)
    }

    pub fn run(self) -> Done {
        let config = Config::resolve(&self.dir, &self.flags, self.drain).map_err(Trouble::Usage)?;
        if self.flags.print_config {
            say(config.to_text());
            return Ok(());
        }
        log::start(&config.log.value).map_err(Trouble::Usage)?;
        let runtime = runtime()?;
        let app = runtime.block_on(self.serve(&config))?;
        runtime.shutdown_timeout(GOODBYE);
        // Closes the database, which writes its log back.
        drop(app);
        tracing::info!("stopped");
        Ok(())
    }

    async fn serve(&self, config: &Config) -> Result<App, Trouble> {
        let compiled = Project::open(&self.dir)?.compile()?;
        let (model, compiled) = compiled.into_model()?;
        tell_warnings(&compiled, &self.asked());
        let migrate = match (self.migrate, self.allow_data_loss) {
            (false, _) => Migrate::Refuse,
            (true, false) => Migrate::Safe,
            (true, true) => Migrate::AllowDataLoss,
        };
        let doors = Doors::open(config, true)?;
        let address = doors.address;
        let mut signals = Signals::new()?;
        let builder = App::builder(&self.dir)
            .data(&config.data.value)
            .database(config.database.value.clone())
            .durability(config.durability.value)
            .master_key(config.master_key.value.clone())
            .migrate(migrate)
            .trusted_proxies(config.trusted_proxies.value.clone())
            .origin(doors.origin.clone())
            .address(address);
        let carrier = match config.smtp.value.clone() {
            Some(smtp) => Carrier::Smtp(smtp),
            None => Carrier::Nobody,
        };
        let postman = Arc::new(Postman::new(carrier, doors.origin.as_str(), &self.dir));
        postman.take_up(&model).map_err(frontdesk::Error::Mail)?;
        if model.auth.users.is_some() && config.smtp.value.is_none() {
            tracing::warn!(
                "no mail server is configured, so no letters are sent: nobody can confirm an \
                 address or set a forgotten password (--smtp)"
            );
        }
        let builder = builder.post(Arc::clone(&postman) as _);
        let builder = builder.post(Arc::clone(&postman) as _);
        let app = builder.open_model(Arc::new(model)).await?;
        let noted = note_contract(&app, &compiled.digest()).await;
        noted.map_err(frontdesk::Error::Audit)?;
        if let Some((keys, file)) = trial::still_good(&app).await {
            let file = file.display();
            for key in keys {
                tracing::warn!(key, %file, "a key that `dev` made, and keeps as text, is good here: `frontdesk key revoke` ends it");
            }
        }
        if config.durability.value == Durability::Relaxed {
            tracing::warn!(
                "durability is relaxed: a power cut may take back writes that were answered"
            );
        }
        if doors.origin.is_secure() && doors.is_plain() && config.trusted_proxies.value.is_empty() {
            tracing::warn!(
                origin = %doors.origin,
                "no HTTPS is served, and no proxy in front is trusted: credentials from other \
                 machines are refused (--tls-cert, or --trusted-proxies)"
            );
        }
        tracing::info!(%address, database = %app.database().location(), "listening");
        let scheme = doors.scheme();
        say(format!("frontdesk listens on {scheme}://{address}"));
        if let Some(address) = doors.private {
            tracing::info!(%address, "listening for services");
            say(format!("and for your own services on {scheme}://{address}"));
        }
        let drain = config.drain.value;
        let stopping = Stopping {
            drain,
            ..Stopping::default()
        };
        let stop = async {
            let name = signals.next().await;
            tracing::info!(signal = name, drain_s = drain.as_secs(), "stopping");
            tokio::spawn(async move {
                let name = signals.next().await;
                tracing::warn!(signal = name, "stopping at once");
                log::flush();
                process::exit(1);
            });
        };
        let stopped = app.serve(doors.listeners, stopping, stop).await;
        postman.finish().await;
        if stopped.cut > 0 {
            tracing::warn!(requests = stopped.cut, "cut off");
        }
        Ok(app)
    }
}

/// Writes down that another contract is served than before: it says who may do what.
async fn note_contract(app: &App, digest: &str) -> Result<(), AuditError> {
    let contracts = Filter {
        action: Some(Action::ContractChanged.name().to_owned()),
        ..Filter::default()
    };
    let last = app.audit().list(&contracts, 1).await?;
    let known = last.first().map(|last| last.to_json());
    if known.is_some_and(|known| known["detail"]["sha256"] == digest) {
        return Ok(());
    }
    let model = app.model();
    let entry = Entry::new(now(), Action::ContractChanged, &audit::operator())
        .subject(&model.name)
        .detail("sha256", digest);
    app.audit().append(&entry).await
}

/// The signals that ask a process to end.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub fn new() -> Result<Signals, Trouble> {
        let listen = |kind| {
            signal(kind).map_err(|error| Trouble::Wrong(format!("no signals: {error}"), None))
        };
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one; its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
