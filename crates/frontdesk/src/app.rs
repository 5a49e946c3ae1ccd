//! A contract at work: database, engine and doors, one of each, and another model in their
//! place while they run.
//!
//! ```text
//!   Builder ─► compile ─► Database ─► migrate ─► Serving { engine, door } ─► App
//!                                                    ▲
//!                                    App::swap ──────┘  built beside, put in place in one step
//! ```

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use audit::{Action, Actor, Audit, AuditError, Entry};
use doorway::Credentials;
use engine::{Engine, Entrance, Meters, Tables};
use http::HeaderMap;
use identity::{Identity, Keys};
use mail::Mailbox;
use model::Model;
use people::Post;
use rest::Door;
use store::migrate::ApplyError;
use store_postgres::Target;
use store_sqlite::{Durability, Served};
use tokio::net::TcpListener;
use tokio::sync::{OnceCell, watch};
use vault::{Secrets, Vault};
use web::cors::Cors;
use web::origin::Origin;
use web::proxies::Proxies;
use web::tls::Tls;
use web::{Handler, Limits, Request, Response, Scheme, Server, Stopped};

use crate::clock::now;
use crate::database::{Database, Location};
use crate::desk::{self, Desk, Registry};
use crate::dev_mail;
use crate::documents;
use crate::error::Error;
use crate::health::Health;
use crate::master_key::{MasterKey, MasterKeyError, Missing};
use crate::project::Project;
use crate::refusal::Explainer;

/// The secret that signs cursors.
const CURSOR_SECRET: &str = "cursor";
/// Where an API is reached if nobody says otherwise.
const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// How often the tables are looked at while others migrate them.
const LOOKS_MAX: u32 = 5;
/// How soon it is noticed, without a request that fails, that others have migrated the tables.
const TABLES_POLL: Duration = Duration::from_secs(1);
/// The data folder inside the contract's folder.
pub(crate) const DATA_FOLDER: &str = ".frontdesk";

/// What may be done to the tables when they do not fit the contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Migrate {
    /// Nothing: [`Error::Pending`] instead.
    Refuse,
    /// What loses no data.
    #[default]
    Safe,
    /// Whatever the contract asks for.
    AllowDataLoss,
}

/// How a server ends once it has been told to.
#[derive(Clone, Copy, Debug)]
pub struct Stopping {
    /// How long requests are still accepted after `/readyz` has begun to say no, so that load
    /// balancers notice before connections are refused.
    pub drain: Duration,
    /// How long requests that were begun may take after that.
    pub grace: Duration,
}

impl Default for Stopping {
    fn default() -> Stopping {
        Stopping {
            drain: Duration::from_secs(5),
            grace: Duration::from_secs(30),
        }
    }
}

impl Stopping {
    /// Without waiting for anybody, for development and tests.
    pub fn at_once() -> Stopping {
        Stopping {
            drain: Duration::ZERO,
            grace: Duration::from_secs(1),
        }
    }
}

/// Where requests come in.
#[derive(Debug)]
pub struct Listeners {
    /// For everybody.
    pub public: TcpListener,
    /// For one's own services alone: what the contract keeps `private` is there for whoever can
    /// connect, as far as rules and scopes allow.
    pub private: Option<TcpListener>,
    /// What makes both secure, if anything does.
    pub tls: Option<Tls>,
}

impl From<TcpListener> for Listeners {
    fn from(public: TcpListener) -> Listeners {
        Listeners {
            public,
            private: None,
            tls: None,
        }
    }
}

/// How to open an [`App`].
#[derive(Clone, Debug)]
pub struct Builder {
    folder: PathBuf,
    data: Option<PathBuf>,
    database: Option<Target>,
    durability: Durability,
    migrate: Migrate,
    settings: rest::Settings,
    development: bool,
    origin: Origin,
    proxies: Proxies,
    address: Option<SocketAddr>,
    master_key: MasterKey,
    serves: bool,
    mailbox: Option<Arc<Mailbox>>,
    post: Arc<dyn Post>,
}

impl Builder {
    /// The data folder; `.frontdesk` in the contract's folder unless said otherwise.
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Builder {
        self.data = Some(folder.into());
        self
    }

    /// Records are kept in this PostgreSQL database instead of a file in the data folder.
    pub fn database(mut self, database: Option<Target>) -> Builder {
        self.database = database;
        self
    }

    /// When a write to a file in the data folder is done: once it is on the disk, unless said
    /// otherwise.
    pub fn durability(mut self, durability: Durability) -> Builder {
        self.durability = durability;
        self
    }

    /// Who takes letters to people; they are dropped with a line in the log, unless said.
    pub fn post(mut self, post: Arc<dyn Post>) -> Builder {
        self.post = post;
        self
    }

    pub fn migrate(mut self, migrate: Migrate) -> Builder {
        self.migrate = migrate;
        self
    }

    /// Where the API is reached, such as `https://api.example`: what commands in the documents
    /// say, and which pages in a browser are our own.
    pub fn origin(mut self, origin: Origin) -> Builder {
        self.origin = origin;
        self
    }

    /// The proxies in front whose word about the client's address is taken; nobody's unless said.
    pub fn trusted_proxies(mut self, proxies: Proxies) -> Builder {
        self.proxies = proxies;
        self
    }

    /// Where requests will come in. A data folder is then served by this process alone, and nobody
    /// else may until the app is gone.
    pub fn address(mut self, address: SocketAddr) -> Builder {
        self.address = Some(address);
        self
    }

    /// Where the master key is that secrets are sealed with; in the data folder, unless said
    /// otherwise.
    pub fn master_key(mut self, master_key: MasterKey) -> Builder {
        self.master_key = master_key;
        self
    }

    /// Letters that are kept instead of being sent, to be looked at under `/dev/mail` on this
    /// machine.
    pub fn mailbox(mut self, mailbox: Arc<Mailbox>) -> Builder {
        self.mailbox = Some(mailbox);
        self
    }

    /// For commands that act on records and serve nobody: no secrets are made for them, and those
    /// that the contract names are not looked for.
    pub fn without_serving(mut self) -> Builder {
        self.serves = false;
        self
    }

    /// Lets pages on this machine call the API whatever `cors:` says, and lets refusals say which
    /// parts of a rule held.
    pub fn development(mut self) -> Builder {
        self.settings.allow_localhost = true;
        self.development = true;
        self
    }

    /// Compiles the contract and opens what it needs.
    ///
    /// # Errors
    /// Whatever keeps it from being served; see [`Error`].
    pub async fn open(self) -> Result<App, Error> {
        let (model, _) = Project::open(&self.folder)?.compile()?.into_model()?;
        self.open_model(Arc::new(model)).await
    }

    /// The same with a model that has been compiled already.
    ///
    /// # Errors
    /// Whatever keeps it from being served; see [`Error`].
    pub async fn open_model(self, model: Arc<Model>) -> Result<App, Error> {
        let location = match &self.database {
            Some(target) => Location::Server(Box::new(target.clone())),
            None => Location::Folder(self.data_folder()),
        };
        let database = Database::connect_as(&location, self.durability).await?;
        self.open_on(model, database).await
    }

    fn data_folder(&self) -> PathBuf {
        let beside = || self.folder.join(DATA_FOLDER);
        self.data.clone().unwrap_or_else(beside)
    }

    /// The same on a database that is open already.
    ///
    /// # Errors
    /// Whatever keeps it from being served; see [`Error`].
    pub async fn open_on(self, model: Arc<Model>, database: Database) -> Result<App, Error> {
        let data = self.data_folder();
        // First of all: under another server nothing is migrated either.
        let served = match self.address {
            Some(address) => database.claim(address)?,
            None => None,
        };
        let migrated = migrate(&database, &model, self.migrate).await?;
        let seals = Seals {
            master_key: self.master_key,
            data: data.clone(),
            missing: match (self.development, database.location()) {
                _ if !self.serves => Wanted::Never,
                (true, _) => Wanted::Always,
                (false, Location::Folder(_)) => Wanted::IfNeeded,
                (false, Location::Server(_)) => Wanted::FromOutside,
            },
        };
        let vault = seals.vault(&model)?;
        if self.serves {
            let secrets = Secrets::new(Arc::clone(database.driver()), vault.clone());
            check_secrets(&model, &secrets).await?;
        }
        let driver = Arc::clone(database.driver());
        let audit = Arc::new(Audit::open(driver, vault.as_ref(), now()).await?);
        note_losses(&audit, &migrated).await?;
        let keys = Arc::new(Keys::new(Arc::clone(database.driver())));
        let lasting = Lasting {
            _served: served,
            cursor_secret: database.key(CURSOR_SECRET, vault.as_ref()).await?,
            seals,
            mailbox: self.mailbox,
            audit,
            registry: OnceCell::new(),
            post: self.post,
            keys,
            meters: Arc::new(Meters::new()),
            proxies: self.proxies,
            database,
            data,
            folder: self.folder,
            settings: self.settings,
            development: self.development,
            origin: self.origin,
        };
        let serving = Serving::new(model, &lasting).await?;
        let migrations = lasting.database.migrations(serving.engine.model()).await?;
        serving.engine.migrated(migrations);
        Ok(App {
            shared: Arc::new(Shared {
                serving: ArcSwap::from_pointee(serving),
                health: Health::new(),
                lasting,
            }),
        })
    }
}

/// Where letters go if nobody takes them.
#[derive(Debug)]
struct Nowhere;

impl Post for Nowhere {
    fn send(&self, letter: people::Letter) {
        let kind = letter.kind.name();
        tracing::warn!(
            kind,
            "a letter is not sent: nobody has said how mail is sent"
        );
    }
}

/// A contract being served, or ready to be. Clones are the same app.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
}

struct Shared {
    serving: ArcSwap<Serving>,
    health: Health,
    lasting: Lasting,
}

/// What stays when the model changes.
struct Lasting {
    database: Database,
    /// The right to serve it.
    _served: Option<Served>,
    data: PathBuf,
    /// The contract's.
    folder: PathBuf,
    seals: Seals,
    mailbox: Option<Arc<Mailbox>>,
    audit: Arc<Audit>,
    keys: Arc<Keys>,
    /// What is kept of those who sign in, once a contract has any.
    registry: OnceCell<Arc<Registry>>,
    post: Arc<dyn Post>,
    meters: Arc<Meters>,
    proxies: Proxies,
    settings: rest::Settings,
    development: bool,
    origin: Origin,
    cursor_secret: [u8; 32],
}

impl Lasting {
    /// What is kept of those who sign in, if anybody does with this contract.
    async fn registry(&self, model: &Model) -> Result<Option<&Arc<Registry>>, Error> {
        if !desk::is_needed(model) {
            return Ok(None);
        }
        let open = async || {
            let vault = self.seals.vault(model)?.ok_or(Error::NoVault)?;
            let driver = Arc::clone(self.database.driver());
            let (post, audit) = (Arc::clone(&self.post), Arc::clone(&self.audit));
            let registry = Registry::open(driver, vault, post, audit).await?;
            Ok::<_, Error>(Arc::new(registry))
        };
        self.registry.get_or_try_init(open).await.map(Some)
    }
}

/// Everything that follows from one model.
struct Serving {
    engine: Engine,
    door: Door,
    /// Where people or apps sign in.
    desk: Option<Arc<Desk>>,
    accounts: Option<accounts::Door>,
    apps: Option<oauth::Door>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("name", &self.model().name)
            .field("database", self.database())
            .finish()
    }
}

impl App {
    /// Starts with the contract in a folder.
    pub fn builder(folder: impl Into<PathBuf>) -> Builder {
        Builder {
            folder: folder.into(),
            data: None,
            database: None,
            durability: Durability::default(),
            migrate: Migrate::default(),
            settings: rest::Settings::default(),
            development: false,
            origin: Origin::of(ADDRESS, false),
            proxies: Proxies::default(),
            address: None,
            master_key: MasterKey::default(),
            serves: true,
            mailbox: None,
            post: Arc::new(Nowhere),
        }
    }

    /// The model that requests meet now.
    pub fn model(&self) -> Arc<Model> {
        Arc::clone(self.shared.serving.load().engine.model())
    }

    /// The engine behind every door, for programs that want to act without HTTP.
    pub fn engine(&self) -> Engine {
        self.shared.serving.load().engine.clone()
    }

    pub fn keys(&self) -> &Keys {
        &self.shared.lasting.keys
    }

    /// Where it is reached.
    pub fn origin(&self) -> &Origin {
        &self.shared.lasting.origin
    }

    pub fn database(&self) -> &Database {
        &self.shared.lasting.database
    }

    /// Who did what.
    pub fn audit(&self) -> &Arc<Audit> {
        &self.shared.lasting.audit
    }

    /// The vault, if there is a master key.
    ///
    /// # Errors
    /// When there is none although there has to be one.
    pub fn vault(&self) -> Result<Option<Vault>, Error> {
        Ok(self.shared.lasting.seals.vault(&self.model())?)
    }

    /// The secrets that the contract names, as they are found now.
    ///
    /// # Errors
    /// When there is no master key although there has to be one.
    pub fn secrets(&self) -> Result<Secrets, Error> {
        Ok(self.secrets_with(self.vault()?))
    }

    fn secrets_with(&self, vault: Option<Vault>) -> Secrets {
        Secrets::new(Arc::clone(self.database().driver()), vault)
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.shared.lasting.data
    }

    pub fn health(&self) -> &Health {
        &self.shared.health
    }

    /// Serves another model from now on. Everything of it is built and the tables are brought
    /// to it first; then it is put in place in one step. Requests that have begun end with the
    /// model they began with. Returns what was done to the tables.
    ///
    /// # Errors
    /// When it cannot be served. Then everything is as it was.
    pub async fn swap(&self, model: Arc<Model>, allowed: Migrate) -> Result<Vec<String>, Error> {
        let vault = self.shared.lasting.seals.vault(&model)?;
        check_secrets(&model, &self.secrets_with(vault)).await?;
        let serving = Serving::new(Arc::clone(&model), &self.shared.lasting).await?;
        let migrated = migrate(self.database(), &model, allowed).await?;
        note_losses(self.audit(), &migrated).await?;
        serving
            .engine
            .migrated(self.database().migrations(&model).await?);
        self.shared.serving.store(Arc::new(serving));
        Ok(migrated.steps)
    }

    /// Looks after what is kept of those who sign in, once anybody does.
    async fn tend_desk(&self) {
        let registry = loop {
            if let Some(registry) = self.shared.lasting.registry.get() {
                break Arc::clone(registry);
            }
            tokio::time::sleep(TABLES_POLL).await;
        };
        let desk = || self.shared.serving.load().desk.clone();
        registry.tend(desk).await;
    }

    /// Notices when another process brings the tables to another contract, and when it brings them
    /// back. Nothing is served meanwhile, and nothing else in its place: that is for people.
    async fn look_after_tables(&self) {
        let mut told = false;
        loop {
            tokio::time::sleep(TABLES_POLL).await;
            let serving = self.shared.serving.load_full();
            match serving.engine.look().await {
                Ok(Tables::Ours) => told = false,
                Ok(Tables::Renewed) => {
                    if let Err(error) = self.renew(&serving).await {
                        tracing::warn!(%error, "the tables have been changed and changed back");
                    }
                }
                Ok(Tables::Theirs) if !told => {
                    told = true;
                    tracing::error!(
                        "another process has brought the tables to another contract: nothing is \
                         served until this one is started with that contract"
                    );
                }
                // Requests and `/readyz` tell of a database that is away.
                Ok(Tables::Theirs) | Err(_) => {}
            }
        }
    }

    /// Begins anew with the same model, on tables that have been changed since and are its own
    /// again: what was known of records is not so any more.
    async fn renew(&self, serving: &Arc<Serving>) -> Result<(), Error> {
        let model = serving.engine.model();
        let anew = Serving::new(Arc::clone(model), &self.shared.lasting).await?;
        anew.engine
            .migrated(self.database().migrations(model).await?);
        // Unless another contract has been put in its place meanwhile.
        self.shared
            .serving
            .compare_and_swap(serving, Arc::new(anew));
        Ok(())
    }

    /// Serves until `stop` is ready, then ends as `stopping` says. `/readyz` says no from the
    /// moment on that `stop` is ready.
    pub async fn serve(
        &self,
        listeners: impl Into<Listeners>,
        stopping: Stopping,
        stop: impl Future<Output = ()>,
    ) -> Stopped {
        self.database().take_over().await;
        let limits = Limits {
            stop_grace: stopping.grace,
            ..Limits::default()
        };
        let shutdown = async {
            stop.await;
            self.shared.health.leave();
            tokio::time::sleep(stopping.drain).await;
        };
        let Listeners {
            public,
            private,
            tls,
        } = listeners.into();
        // One end for both.
        let (ended, mut end) = watch::channel(());
        let shutdown = async {
            shutdown.await;
            drop(ended);
        };
        let driver = Arc::clone(self.shared.lasting.database.driver());
        let housekeeping = {
            let app = self.clone();
            tokio::spawn(crate::housekeeping::keep(driver, move || app.model()))
        };
        let tending = {
            let app = self.clone();
            tokio::spawn(async move { app.tend_desk().await })
        };
        let lookout = {
            let app = self.clone();
            tokio::spawn(async move { app.look_after_tables().await })
        };
        let audit = Arc::clone(self.audit());
        let numbering = tokio::spawn(async move { audit.keep().await });
        let private = async {
            let Some(listener) = private else {
                return Stopped { cut: 0 };
            };
            // Fails, and only then, when the other end is dropped.
            let shutdown = async { while end.changed().await.is_ok() {} };
            let listener = web::Listener {
                tcp: listener,
                tls: tls.clone(),
            };
            Server::run(listener, Private(self.clone()), limits.clone(), shutdown).await
        };
        let listener = web::Listener {
            tcp: public,
            tls: tls.clone(),
        };
        let public = Server::run(listener, self.clone(), limits.clone(), shutdown);
        let renewal = tls.clone().map(|tls| {
            let keep = async move { tls.keep_current().await };
            tokio::spawn(keep)
        });
        let (public, private) = tokio::join!(public, private);
        if let Some(renewal) = renewal {
            renewal.abort();
        }
        housekeeping.abort();
        tending.abort();
        lookout.abort();
        numbering.abort();
        Stopped {
            cut: public.cut + private.cut,
        }
    }
}

impl Handler for App {
    async fn handle(&self, mut request: Request) -> Response {
        if Health::is_asked(&request) {
            return self.shared.health.respond(&request, &self.engine()).await;
        }
        if let Some(mailbox) = &self.shared.lasting.mailbox
            && dev_mail::is_asked(&request)
        {
            return dev_mail::respond(&request, mailbox);
        }
        let proxies = &self.shared.lasting.proxies;
        let secured = request.scheme == Scheme::Https;
        let way = proxies.way(request.peer, secured, &request.head.headers);
        if way.client != request.peer.ip().to_canonical() {
            // What a proxy shows of itself says nothing of whoever has asked it.
            request.certificate = None;
        }
        (request.client, request.scheme, request.secure) = (way.client, way.scheme, way.secure);
        let serving = self.shared.serving.load_full();
        // The futures of these two are large, and this one is moved for every request.
        match (&serving.accounts, &serving.apps) {
            (Some(accounts), _) if accounts::Door::serves(request.path()) => {
                Box::pin(accounts.handle(request)).await
            }
            (_, Some(apps)) if oauth::Door::serves(request.path()) => {
                Box::pin(apps.handle(request)).await
            }
            _ => serving.door.handle(request).await,
        }
    }

    fn complete(&self, headers: &HeaderMap, response: &mut Response) {
        let serving = self.shared.serving.load();
        serving.door.complete(headers, response);
    }
}

/// The app where only one's own services come in.
struct Private(App);

impl Handler for Private {
    async fn handle(&self, request: Request) -> Response {
        let request = Request {
            private: true,
            ..request
        };
        self.0.handle(request).await
    }

    fn complete(&self, headers: &HeaderMap, response: &mut Response) {
        self.0.complete(headers, response);
    }
}

impl Serving {
    async fn new(model: Arc<Model>, lasting: &Lasting) -> Result<Serving, Error> {
        let documents = documents::of(&model, lasting.origin.as_str());
        let driver = Arc::clone(lasting.database.driver());
        let mut settings = lasting.settings.clone();
        if lasting.development {
            settings.explain = Some(Arc::new(Explainer {
                model: Arc::clone(&model),
                driver: Arc::clone(&driver),
            }));
        }
        let accepted = desk::accepted(&model, &lasting.origin);
        settings.accepted = Some(accepted.clone());
        let engine = Engine::new(model, driver, &lasting.cursor_secret);
        let model = engine.model();
        let desk = match lasting.registry(model).await? {
            Some(registry) => Some(Arc::new(registry.desk(model, &lasting.origin).await?)),
            None => None,
        };
        desk::warn_of_unserved(model);
        let authenticate = Arc::new(Identity {
            keys: Arc::clone(&lasting.keys),
            basic: model.auth.basic,
            services: model.auth.services.clone(),
            issued: desk
                .as_ref()
                .map(|desk| desk.issued(model, &lasting.origin)),
        });
        if let (Some(users), Some(people)) = (
            desk.as_ref().and_then(|desk| desk.users.clone()),
            &model.auth.users,
        ) {
            engine.watch(people.resource, Arc::new(move || users.forget()));
        }
        let origins = model.cors.iter().map(String::as_str);
        let cors = Cors::new(origins, settings.allow_localhost);
        let cors = cors.map_err(|error| Error::Origin(error.origin))?;
        let accounts = desk.as_ref().and_then(|desk| {
            let credentials = Arc::new(Credentials::new(&model.name, accepted));
            let authenticate = Arc::clone(&authenticate);
            let logo = desk::logo(model, &lasting.folder);
            desk.door(
                &engine,
                authenticate,
                credentials,
                cors,
                &lasting.origin,
                logo,
            )
        });
        let apps = desk
            .as_ref()
            .map(|desk| desk.apps(&engine, &lasting.origin));
        let apps = apps.transpose()?;
        let entrance = Entrance::new(engine.clone(), Arc::clone(&lasting.meters));
        let door = Door::new(entrance, authenticate, documents, settings)
            .map_err(|error| Error::Origin(error.origin))?;
        Ok(Serving {
            engine,
            door,
            desk,
            accounts,
            apps,
        })
    }
}

/// How secrets are sealed here.
struct Seals {
    master_key: MasterKey,
    data: PathBuf,
    missing: Wanted,
}

/// When a master key is made, or asked for, that is not there.
#[derive(Clone, Copy)]
enum Wanted {
    /// In development, where the contract may need one at the next save.
    Always,
    IfNeeded,
    /// If it is needed it must be given: others need the same.
    FromOutside,
    Never,
}

impl Seals {
    /// The vault, if there is one or the contract cannot be served without.
    fn vault(&self, model: &Model) -> Result<Option<Vault>, MasterKeyError> {
        // Whoever signs people or apps in signs tokens, with keys that are sealed.
        let is_needed = model.auth.users.is_some() || !model.auth.clients.is_empty();
        let missing = match (self.missing, is_needed) {
            (Wanted::Always, _) | (Wanted::IfNeeded, true) => Missing::Make,
            (Wanted::FromOutside, true) => Missing::Refuse,
            (Wanted::Never, _) | (_, false) => Missing::Fine,
        };
        self.master_key.vault(&self.data, missing)
    }
}

/// Finds everything that the contract names, so that what is missing is told now and not to
/// whoever needs it first.
async fn check_secrets(model: &Model, secrets: &Secrets) -> Result<(), Error> {
    let mut missing = Vec::new();
    for name in model.auth.secrets() {
        match secrets.resolve(name.as_str()).await {
            Ok(Some(_)) => {}
            Ok(None) => missing.push(name.as_str().to_owned()),
            Err(source) => {
                return Err(Error::Secret {
                    name: name.as_str().to_owned(),
                    source,
                });
            }
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Error::NoSecret(missing)),
    }
}

/// Writes down that records were lost, if some were.
async fn note_losses(audit: &Audit, migrated: &Migrated) -> Result<(), AuditError> {
    if migrated.lost.is_empty() {
        return Ok(());
    }
    let entry = Entry::new(now(), Action::MigrationApplied, &Actor::Server)
        .detail("lost", migrated.lost.clone());
    audit.append(&entry).await
}

/// What was done to the tables, step by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    pub steps: Vec<String>,
    /// Those of them that lost data.
    pub lost: Vec<String>,
}

/// Brings the tables to the model, as far as that is allowed.
///
/// # Errors
/// When they need more than that, or do not fit.
pub async fn migrate(
    database: &Database,
    model: &Model,
    allowed: Migrate,
) -> Result<Migrated, Error> {
    let mut looks = 1;
    loop {
        match migrate_once(database, model, allowed).await {
            // Another node has been faster; perhaps nothing is left to be done.
            Err(Error::Migration(ApplyError::Overtaken)) if looks < LOOKS_MAX => looks += 1,
            done => return done,
        }
    }
}

async fn migrate_once(
    database: &Database,
    model: &Model,
    allowed: Migrate,
) -> Result<Migrated, Error> {
    let Some(pending) = database.pending(model).await? else {
        database.note(model).await?;
        return Ok(Migrated::default());
    };
    if !pending.refusals.is_empty() {
        return Err(Error::Refused(pending.refusals));
    }
    let may = match allowed {
        Migrate::Refuse => false,
        Migrate::Safe => pending.loses_nothing(),
        Migrate::AllowDataLoss => true,
    };
    if !may {
        return Err(Error::Pending(Box::new(pending)));
    }
    database
        .apply(&pending, allowed == Migrate::AllowDataLoss)
        .await?;
    let lost = pending.losing().map(|step| step.what.clone()).collect();
    let steps = pending.plan.steps.into_iter().map(|step| step.what);
    let steps = steps
        .inspect(|step| tracing::debug!(step, "migrated"))
        .collect();
    Ok(Migrated { steps, lost })
}

/// Opens a listening socket: `127.0.0.1:8080`, `localhost:8080`, `[::1]:8080`, or only a port.
/// Port 0 is any free one.
///
/// # Errors
/// [`Error::Listen`] when the address cannot be read or is taken.
pub fn listen(address: &str) -> Result<TcpListener, Error> {
    let failed = |source| Error::Listen {
        address: address.to_owned(),
        source,
    };
    web::bind(resolve(address).map_err(failed)?).map_err(failed)
}

fn resolve(address: &str) -> std::io::Result<SocketAddr> {
    let bare_port = address.strip_prefix(':').unwrap_or(address);
    if let Ok(port) = bare_port.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let mut found = address.to_socket_addrs()?;
    let unknown = || std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    found.next().ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood() {
        for (text, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
            (":8080", "127.0.0.1:8080"),
            ("8080", "127.0.0.1:8080"),
            ("0", "127.0.0.1:0"),
            ("0.0.0.0:1", "0.0.0.0:1"),
        ] {
            assert_eq!(resolve(text).unwrap().to_string(), expected, "{text}");
        }
        for bad in ["", "99999", "127.0.0.1", "nonsense", "a:b"] {
            assert!(resolve(bad).is_err(), "{bad}");
        }
    }
}
