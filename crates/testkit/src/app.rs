//! A contract served by this very process.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontdesk::identity::NewKey;
use frontdesk::model::Audience;
use frontdesk::vault::MasterKeys;
use frontdesk::web::origin::Origin;
use frontdesk::web::proxies::Proxies;
use frontdesk::{Error, Listeners, MasterKey, Migrate, Project, Stopping, Target};
use tempfile::TempDir;
use testdb::OnServer;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::mailbox::Mailbox;

/// A contract being served, in a folder of its own. Derefs to a [`Client`] without credentials.
/// Ends when dropped.
pub struct App {
    guest: Client,
    private: Option<Client>,
    inner: frontdesk::App,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
    mailbox: Arc<Mailbox>,
    master_key: MasterKey,
    runtime: Runtime,
    // Last: nobody uses it any more when it is dropped.
    database: Option<OnServer>,
}

/// What is to be served.
#[derive(Default)]
pub struct Builder {
    files: Vec<(String, String)>,
    copied: Option<PathBuf>,
    development: bool,
    private: bool,
    proxies: Proxies,
    connections: Option<usize>,
    everywhere: bool,
}

/// A key that is being put together.
#[must_use]
pub struct Key<'a> {
    app: &'a App,
    wish: NewKey,
}

impl App {
    /// Serves this contract.
    ///
    /// # Panics
    /// With the diagnostics, if it has mistakes.
    #[track_caller]
    pub fn start(contract: &str) -> App {
        App::builder().file(frontdesk::FILE, contract).start()
    }

    /// Serves one of the examples, with its seed.
    #[track_caller]
    pub fn example(name: &str) -> App {
        App::builder().example(name).start()
    }

    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A client with an administrator's key.
    pub fn admin(&self) -> Client {
        self.make(NewKey {
            name: "admin".to_owned(),
            admin: true,
            ..NewKey::default()
        })
    }

    /// A key to be given scopes, a user, claims; then [`Key::client`].
    pub fn key(&self) -> Key<'_> {
        Key {
            app: self,
            wish: NewKey {
                name: "test".to_owned(),
                ..NewKey::default()
            },
        }
    }

    /// The contract's folder; its data lies in `.frontdesk`.
    /// How another process would open the same data.
    pub fn another(&self) -> frontdesk::Builder {
        frontdesk::App::builder(self.folder())
            .database(self.target())
            .master_key(self.master_key.clone())
    }

    /// The letters it has written.
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client without credentials where only one's own services come in.
    ///
    /// # Panics
    /// Without [`Builder::private_listener`].
    #[track_caller]
    pub fn private(&self) -> &Client {
        self.private.as_ref().expect("there is a private listener")
    }

    /// Its PostgreSQL database; nothing if tests run on SQLite.
    pub fn target(&self) -> Option<Target> {
        self.database.as_ref().map(OnServer::target)
    }

    pub fn inner(&self) -> &frontdesk::App {
        &self.inner
    }

    /// Waits for something asynchronous, such as [`App::inner`]'s functions.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Serves another contract in place of this one.
    ///
    /// # Errors
    /// When it cannot take the place.
    #[track_caller]
    pub fn swap(&self, contract: &str) -> Result<(), Error> {
        self.swap_with(contract, Migrate::Safe)
    }

    /// The same, whatever is lost.
    ///
    /// # Errors
    /// When it cannot take the place.
    #[track_caller]
    pub fn swap_losing_data(&self, contract: &str) -> Result<(), Error> {
        self.swap_with(contract, Migrate::AllowDataLoss)
    }

    #[track_caller]
    fn swap_with(&self, contract: &str, allowed: Migrate) -> Result<(), Error> {
        fs::write(self.folder.path().join(frontdesk::FILE), contract).unwrap();
        let compiled = Project::open(self.folder.path())?.compile()?;
        let (model, _) = compiled.into_model()?;
        self.wait(self.inner.swap(Arc::new(model), allowed))?;
        Ok(())
    }

    fn make(&self, wish: NewKey) -> Client {
        self.guest.with_key(&self.text_of(wish))
    }

    fn text_of(&self, wish: NewKey) -> String {
        let made = self.wait(self.inner.keys().create(wish, frontdesk::now()));
        let (_, text) = made.unwrap_or_else(|error| panic!("{error}"));
        text.reveal().to_owned()
    }
}

impl Deref for App {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.guest
    }
}

impl Drop for App {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(server) = self.server.take() {
            // It ends soon, or has panicked and said so.
            drop(self.runtime.block_on(server));
        }
    }
}

impl Builder {
    /// A file in the folder.
    pub fn file(mut self, path: &str, text: &str) -> Builder {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// The files of one of the examples.
    pub fn example(mut self, name: &str) -> Builder {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        self.copied = Some(crates.parent().unwrap().join("examples").join(name));
        self
    }

    /// As `frontdesk dev` serves it: pages on this machine may read answers.
    pub fn development(mut self) -> Builder {
        self.development = true;
        self
    }

    /// Listens in a second place, for services: [`App::private`].
    pub fn private_listener(mut self) -> Builder {
        self.private = true;
        self
    }

    /// Listens at every address of this machine, not only where nobody else can come.
    pub fn everywhere(mut self) -> Builder {
        self.everywhere = true;
        self
    }

    /// Proxies whose word about the client's address is taken.
    ///
    /// # Panics
    /// When these are no addresses or networks.
    #[track_caller]
    pub fn trusted_proxies(mut self, networks: &[&str]) -> Builder {
        self.proxies = Proxies::new(networks.iter().copied()).unwrap();
        self
    }

    /// With so few connections to a PostgreSQL server.
    pub fn connections(mut self, most: usize) -> Builder {
        self.connections = Some(most);
        self
    }

    /// Serves it on a free port.
    ///
    /// # Panics
    /// With what is wrong, if it cannot be served.
    #[track_caller]
    pub fn start(self) -> App {
        let folder = tempfile::tempdir().unwrap();
        if let Some(from) = &self.copied {
            copy(from, folder.path());
        }
        for (path, text) in &self.files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let database = OnServer::fresh();
        let mailbox = Arc::new(Mailbox::default());
        let master_key = MasterKeys::generate().unwrap();
        let master_key = MasterKey::given(&master_key, None).unwrap();
        let opened = runtime.block_on(async {
            let few = |database: &OnServer| match self.connections {
                Some(most) => database.target_with(&format!("pool={most}")),
                None => database.target(),
            };
            let target = database.as_ref().map(few);
            let public = frontdesk::listen(match self.everywhere {
                true => "0.0.0.0:0",
                false => "127.0.0.1:0",
            })?;
            let mut address = public.local_addr().unwrap();
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            let mut builder = frontdesk::App::builder(folder.path())
                .database(target)
                .master_key(master_key.clone())
                .post(Arc::clone(&mailbox) as _)
                .origin(Origin::of(address, false))
                .trusted_proxies(self.proxies);
            if self.development {
                builder = builder.development();
            }
            let app = builder.open().await?;
            frontdesk::seed::fill(&app.engine(), folder.path()).await?;
            let private = self.private.then(|| frontdesk::listen("127.0.0.1:0"));
            let listeners = Listeners {
                public,
                private: private.transpose()?,
                tls: None,
            };
            Ok::<_, Error>((app, listeners))
        });
        let (inner, listeners) = match opened {
            Ok(opened) => opened,
            Err(Error::Contract(compiled)) => {
                let found =
                    frontdesk::diag::render::text(&compiled.sources, &compiled.diagnostics, false);
                panic!("the contract has mistakes:\n{found}");
            }
            Err(error) => panic!("{error}"),
        };
        let client = |listener: &TcpListener| {
            let mut address = listener.local_addr().unwrap();
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            Client::guest(address)
        };
        let guest = client(&listeners.public);
        let private = listeners.private.as_ref().map(client);
        let (stop, stopped) = oneshot::channel::<()>();
        let served = inner.clone();
        let server = runtime.spawn(async move {
            let stop = async { drop(stopped.await) };
            served.serve(listeners, Stopping::at_once(), stop).await;
        });
        App {
            guest,
            private,
            inner,
            folder,
            stop: Some(stop),
            server: Some(server),
            mailbox,
            master_key,
            runtime,
            database,
        }
    }
}

impl Key<'_> {
    pub fn scope(mut self, scope: &str) -> Self {
        self.wish.scopes.push(scope.to_owned());
        self
    }

    /// Every scope there is, so that only rules decide.
    pub fn all_scopes(mut self) -> Self {
        self.wish.scopes = frontdesk::trial::scopes(&self.app.inner.model());
        self
    }

    /// `user.id` in rules.
    pub fn user(mut self, id: &str) -> Self {
        self.wish.user = Some(id.to_owned());
        self
    }

    /// `user.NAME` in rules.
    pub fn claim(mut self, name: &str, value: &str) -> Self {
        self.wish.claims.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A partner's key, or a service's.
    pub fn audience(mut self, audience: Audience) -> Self {
        self.wish.audience = audience;
        self
    }

    /// Its text.
    pub fn make(self) -> String {
        self.app.text_of(self.wish)
    }

    /// A client that sends this key.
    pub fn client(self) -> Client {
        self.app.make(self.wish)
    }
}

/// Copies a folder without its hidden files.
fn copy(from: &Path, to: &Path) {
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for entry in entries {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let target = to.join(name);
        if entry.path().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
