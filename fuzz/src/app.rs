//! One contract at work: engine and REST door on a SQLite file, asked in this process.

use std::fmt;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use call::{Authenticate, Caller, CallerKind, Credential, Presented, Scopes, Unproven};
use engine::{Engine, Entrance, Meters};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use model::Model;
use rest::{Documents, Door, Settings};
use serde_json::{Value as Json, json};
use store::driver::{Cost, Driver, Statement, Storage};
use store_sqlite::{Durability, Options, SqliteDriver};
use value::{Timestamp, Value};
use web::{Handler, Request, RequestBody};

use super::contract_yaml;
use super::headers::decode;

pub const SHOP: &str = include_str!("shop.yaml");
pub const NOW: Timestamp = Timestamp(1_790_000_000_000);
/// Anything; it has to stay the same for an input to mean the same.
const CURSOR_SECRET: [u8; 32] = [7; 32];

/// Whoever the key says: `Bearer operator`.
pub const OPERATOR: &str = "operator";
/// May write, and has written some of the reviews.
pub const ANN: &str = "ann";
pub const BOB: &str = "bob";
pub const STAFF: &str = "staff";

pub struct App {
    pub engine: Engine,
    door: Door,
    tables: Vec<String>,
    _folder: tempfile::TempDir,
}

/// What the door answered.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Without its content coding.
    pub body: Vec<u8>,
    method: Method,
}

impl App {
    /// The shop with its records, for targets that leave everything as it was.
    pub fn shared() -> &'static App {
        static SHARED: LazyLock<App> = LazyLock::new(App::shop);
        &SHARED
    }

    pub fn shop() -> App {
        let model = contract_yaml::compile(SHOP);
        let shown = diag::render::text(&model.sources, &model.found, false);
        let mut app = App::serve(model.model.unwrap_or_else(|| panic!("{shown}")));
        app.fill();
        app.keep();
        app
    }

    /// Serves a model from a file that goes with the app.
    pub fn serve(model: impl Into<Arc<Model>>) -> App {
        let model = model.into();
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let options = Options {
            durability: Durability::Relaxed,
            short_readers: 2,
            long_readers: 1,
            ..Options::default()
        };
        let driver = SqliteDriver::open(&folder.path().join("fuzz.db"), options);
        let driver: Arc<dyn Driver> = Arc::new(driver.expect("a new database"));
        wait(store::migrate::bring(&*driver, &model, NOW, false)).expect("tables for any model");
        let engine = Engine::new(model, driver, &CURSOR_SECRET);
        App {
            door: door(&engine),
            engine,
            tables: vec![],
            _folder: folder,
        }
    }

    /// Serves another model from the same file, whose tables are that model's by now.
    pub fn exchange(&mut self, model: Model) {
        let driver = Arc::clone(self.engine.driver());
        self.engine = Engine::new(Arc::new(model), driver, &CURSOR_SECRET);
        self.door = door(&self.engine);
    }

    /// The same model on a new file.
    pub fn fresh(&self) -> App {
        App::serve(Arc::clone(self.engine.model()))
    }

    /// Asks the door. A target that is no URI is answered like by the listener: not at all.
    pub fn try_ask(
        &self,
        method: Method,
        target: &str,
        headers: HeaderMap,
        body: &[u8],
    ) -> Option<Reply> {
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.uri = target
            .parse::<Uri>()
            .ok()
            .filter(|uri| uri.path().starts_with('/'))?;
        head.method = method.clone();
        head.headers = headers;
        let request = Request {
            head,
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            client: Ipv4Addr::LOCALHOST.into(),
            scheme: web::Scheme::Http,
            secure: true,
            certificate: None,
            private: false,
            body: RequestBody::from(Bytes::copy_from_slice(body)),
        };
        let response = wait(self.door.handle(request));
        let sent = response.body().bytes().expect("no streams here");
        Some(Reply {
            status: response.status(),
            headers: response.headers().clone(),
            body: decode(response.headers(), sent),
            method,
        })
    }

    pub fn ask(&self, method: Method, target: &str, headers: HeaderMap, body: &[u8]) -> Reply {
        self.try_ask(method, target, headers, body)
            .expect("a target written by hand")
    }

    pub fn get(&self, target: &str, key: Option<&str>) -> Reply {
        self.ask(Method::GET, target, headers(key, None), b"")
    }

    /// The record as JSON, as the operator sees it.
    pub fn record(&self, target: &str) -> Option<Json> {
        let reply = self.get(target, Some(OPERATOR));
        (reply.status == StatusCode::OK).then(|| reply.json())
    }

    /// The version of a record's row.
    pub fn version(&self, target: &str) -> u64 {
        let reply = self.get(target, Some(OPERATOR));
        let tag = web::conditional::Tag::parse(reply.headers["etag"].as_bytes());
        tag.and_then(|tag| tag.version()).expect("a record's tag")
    }

    /// The position of the last change.
    pub fn feed_end(&self) -> i64 {
        let driver = self.engine.driver();
        let bounds = store::feed::bounds(driver.dialect());
        let rows = wait(driver.query(&bounds.statement, &[])).expect("the feed can be read");
        match rows.cells[..] {
            [_, Value::Int(last)] => last,
            _ => 0,
        }
    }

    /// How many changes came after a position.
    pub fn changes_after(&self, position: i64) -> usize {
        let driver = self.engine.driver();
        let read = store::feed::read_after(driver.dialect());
        let parameters = read.bind_args(&[Value::Int(position), Value::Int(100)]);
        let rows = wait(driver.query(&read.statement, &parameters)).expect("the feed can be read");
        store::feed::entries(rows)
            .expect("entries as they were written")
            .len()
    }

    fn fill(&self) {
        let post = |path: &str, key: &str, body: Json| {
            let headers = headers(Some(key), Some("application/json"));
            let reply = self.ask(Method::POST, path, headers, body.to_string().as_bytes());
            assert_eq!(reply.status, StatusCode::CREATED, "{path} {body} {reply:?}");
        };
        for (name, born, bio) in [
            ("Ann Leckie", json!("1966-03-02"), json!("Space.")),
            ("Émile Zola", json!("1840-04-02"), Json::Null),
            ("Anonymous", Json::Null, json!("Nobody knows 100% of _it_.")),
        ] {
            post(
                "/v1/authors",
                ANN,
                json!({"name": name, "born": born, "bio": bio, "email": "a@example.com"}),
            );
        }
        // Ties and nulls in everything that is sorted by.
        let titles = ["Dune", "dune", "Émigrés", "Zero", "a%b_c", "Dune"];
        let authors = [json!(1), json!(2), Json::Null];
        let prices = [json!("9.99"), Json::Null, json!("0"), json!("120.5")];
        let days = [Json::Null, json!("1999-12-31"), json!("2001-01-01")];
        for n in 0..12 {
            let isbn = (n < 2).then(|| format!("978000000000{n}"));
            let (title, author) = (titles[n % 6], &authors[n % 3]);
            let (price, published) = (&prices[n % 4], &days[n % 3]);
            post(
                "/v1/books",
                ANN,
                json!({"title": title, "author_id": author, "isbn": isbn, "price": price, "published": published}),
            );
        }
        for (book, key, stars, hidden) in [
            (1, ANN, 5, false),
            (1, BOB, 2, true),
            (2, ANN, 1, true),
            (2, BOB, 3, false),
        ] {
            post(
                "/v1/reviews",
                key,
                json!({"book_id": book, "stars": stars, "hidden": hidden, "note": key}),
            );
        }
        post("/v1/items", STAFF, json!({"id": "empty"}));
        post("/v1/items", STAFF, full_item());
        post("/v1/vaults", OPERATOR, json!({"name": "a", "owner": ANN}));
        post("/v1/vaults", OPERATOR, json!({"name": "b", "owner": BOB}));
    }

    /// Remembers the tables as they are now.
    fn keep(&mut self) {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
        self.tables = self.texts(sql);
        let copies = self
            .tables
            .iter()
            .map(|table| format!("CREATE TABLE \"kept_{table}\" AS SELECT * FROM \"{table}\""));
        self.script(copies.collect());
    }

    /// Puts everything back to how it was at the beginning.
    pub fn restore(&self) {
        let mut script = vec![];
        for table in &self.tables {
            script.push(format!("DELETE FROM \"{table}\""));
            script.push(format!(
                "INSERT INTO \"{table}\" SELECT * FROM \"kept_{table}\""
            ));
        }
        self.script(script);
    }

    fn script(&self, script: Vec<String>) {
        wait(self.engine.driver().migrate(&script)).expect("a script written by hand");
    }

    /// One column of text.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        let statement = Arc::new(Statement {
            text: sql.to_owned().into(),
            parameters: vec![],
            columns: vec![Storage::Text],
            cost: Cost::Long,
        });
        let rows =
            wait(self.engine.driver().query(&statement, &[])).expect("a statement written by hand");
        rows.cells
            .into_iter()
            .map(|cell| match cell {
                Value::Text(text) => text,
                other => panic!("{other:?} is no text"),
            })
            .collect()
    }
}

/// Every field of it has a value.
pub fn full_item() -> Json {
    json!({
        "id": "full",
        "flag": true,
        "small": 25,
        "mid": 9_007_199_254_740_991_i64,
        "big": "-9223372036854775808",
        "ratio": 0.5,
        "cost": "12.500001",
        "price": {"amount": "12.50", "currency": "EUR"},
        "day": "2026-11-22",
        "moment": "2026-11-22T10:00:00.123Z",
        "code": "01890a5d-ac96-774b-bcce-b302099a8057",
        "word": "published",
        "text": "tëxt",
        "mail": "a@example.com",
        "link": "https://example.com/a?b#c",
        "tags": ["a", "b"],
        "days": ["2026-01-01"],
        "address": {"street": "Way 1", "country": "FR", "geo": {"lat": 48.8, "lon": 2.3}},
        "size": {"width": 3, "height": 4, "unit": "cm"},
        "sizes": [{"width": 1, "depth": "2.5"}],
        "extra": {"a": [1, {"b": null}], "c": "d"},
        "secret": "s",
        "fixed": "first",
        "guarded": "g",
        "book_id": 1,
        "parent_id": "empty",
    })
}

impl Reply {
    /// What holds for every answer, whatever was asked.
    pub fn sound(&self) {
        assert!(self.status.as_u16() < 500, "{self:?}");
        for name in ["x-request-id", "x-content-type-options"] {
            assert!(
                name != "x-request-id" || self.headers.contains_key(name),
                "{self:?}"
            );
        }
        if self.body.is_empty() {
            assert!(
                self.status.is_success() || self.status == StatusCode::NOT_MODIFIED,
                "{self:?}"
            );
            return;
        }
        let json = self.json();
        if self.status.is_success() {
            assert_eq!(self.headers[CONTENT_TYPE], "application/json", "{self:?}");
            assert!(self.headers.contains_key("etag"), "{self:?}");
        } else {
            // Whoever takes nothing but a dialect of JSON gets a problem as plain JSON.
            assert!(
                ["application/problem+json", "application/json"]
                    .iter()
                    .any(|media| self.headers[CONTENT_TYPE] == *media),
                "{self:?}"
            );
            assert_eq!(json["status"], self.status.as_u16(), "{self:?}");
            for member in ["type", "title", "code"] {
                assert!(
                    json[member].as_str().is_some_and(|text| !text.is_empty()),
                    "{self:?}"
                );
            }
        }
    }

    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn is_ok(&self) -> bool {
        self.status == StatusCode::OK
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} answered {}", self.method, self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value:?}")?;
        }
        writeln!(f, "\n{}", String::from_utf8_lossy(&self.body))
    }
}

pub fn headers(key: Option<&str>, media: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let value = HeaderValue::try_from(format!("Bearer {key}"));
        headers.insert(AUTHORIZATION, value.expect("keys are words"));
    }
    if let Some(media) = media {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::try_from(media).expect("a media type"),
        );
    }
    headers
}

/// Keys whose secret is their name.
struct Keys {
    scopes: Vec<String>,
}

impl Authenticate for Keys {
    fn authenticate<'a>(
        &'a self,
        presented: &'a Presented<'a>,
    ) -> call::BoxFuture<'a, Result<Arc<Caller>, Unproven>> {
        Box::pin(async move {
            let Credential::Bearer(credential) = presented.credential else {
                return Err(Unproven::invalid("Keys alone are known here."));
            };
            let id = credential.to_owned();
            let kind = match credential {
                OPERATOR => CallerKind::Operator { id },
                ANN | BOB | STAFF => CallerKind::Key { id },
                _ => return Err(Unproven::invalid("There is no such key.")),
            };
            Ok(Arc::new(Caller {
                kind,
                user_id: Some(credential.to_owned()),
                claims: vec![("role".to_owned(), credential.to_owned())],
                scopes: Scopes::Only(self.scopes.clone()),
                ..Caller::guest()
            }))
        })
    }
}

fn door(engine: &Engine) -> Door {
    let keys = Arc::new(Keys {
        scopes: scopes(engine.model()),
    });
    let door = Door::new(
        Entrance::new(engine.clone(), Arc::new(Meters::new())),
        keys,
        Documents::default(),
        Settings::default(),
    );
    door.expect("origins are checked by the contract's compiler")
}

fn scopes(model: &Model) -> Vec<String> {
    let both = |resource: &model::Resource| [resource.read_scope(), resource.write_scope()];
    let mut scopes: Vec<String> = model.resources.iter().flat_map(both).collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

/// Waits on this thread. The answers come from the driver's own threads.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// One app for every input that changes something; see [`App::restore`].
pub fn with_own(run: impl FnOnce(&App)) {
    static OWN: LazyLock<Mutex<App>> = LazyLock::new(|| Mutex::new(App::shop()));
    run(&OWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
}
