//! Servers that tests share, and connections that send exactly the bytes they are given.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use frontdesk::store;
use serde_json::Value as Json;
use testkit::{Answer, App, PATIENCE};

/// A server for all tests that run at the same time and leave each other's records alone. It ends
/// with the last of them, so nothing is left behind.
pub struct Shared {
    slot: Mutex<Weak<App>>,
    start: fn() -> App,
}

impl Shared {
    pub const fn new(start: fn() -> App) -> Shared {
        Shared {
            slot: Mutex::new(Weak::new()),
            start,
        }
    }

    pub fn get(&self) -> Arc<App> {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.upgrade().unwrap_or_else(|| {
            let app = Arc::new((self.start)());
            *slot = Arc::downgrade(&app);
            app
        })
    }
}

/// Changes the database of a server behind its back.
#[track_caller]
pub fn change(app: &App, sql: String) {
    let driver = app.inner().database().driver();
    app.wait(driver.migrate(&[sql])).unwrap();
}

/// Authors, books, reviews and events to be read; nobody changes them but for the notes.
pub static LIBRARY: Shared = Shared::new(|| {
    let lines = |records: Vec<Json>| -> String {
        records.iter().map(|record| format!("{record}\n")).collect()
    };
    let reviews = [(1, 5), (1, 2), (3, 4)].into_iter();
    let reviews = reviews.chain((0..60).map(|n| (4, 1 + n % 5)));
    let reviews = reviews.map(|(book, stars)| serde_json::json!({"book_id": book, "stars": stars}));
    let events = (1..=250).map(|n| serde_json::json!({"id": n, "number": n}));
    App::builder()
        .file("frontdesk.yaml", LIBRARY_CONTRACT)
        .file("seed/authors.ndjson", AUTHORS)
        .file("seed/books.ndjson", BOOKS)
        .file("seed/reviews.ndjson", &lines(reviews.collect()))
        .file("seed/events.ndjson", &lines(events.collect()))
        .start()
});

const LIBRARY_CONTRACT: &str = "
frontdesk: 1
name: library
auth: {api_keys: true}
rules: {staff: user.role == 'staff'}
resources:
  Author:
    id: integer
    fields:
      name:   {type: string, minLength: 1, maxLength: 80, index: true}
      hidden: {type: boolean, default: false}
      phone?: {type: string, index: true, access: {read: staff}}
    lists: {books: Book.author}
    access: {read: '!this.hidden', write: signed_in}
  Book:
    id: integer
    fields:
      title:      {type: string, minLength: 1, maxLength: 80, index: true}
      author?:    Author
      isbn?:      {type: string, unique: true}
      pages:      {type: integer, minimum: 0, index: true, default: 0}
      price?:     {type: decimal, index: true}
      published?: {type: date, index: true}
      kind:       {enum: [novel, essay], default: novel, index: true}
      lent:       {type: boolean, default: false, index: true}
      blurb?:     string
      cost?:      {type: integer, index: true, access: {read: staff}}
      rating?:    {type: number, value: '=this.reviews.avg(r, r.stars)'}
    lists: {reviews: Review.book}
    search: [title, blurb]
    access: {read: public, write: signed_in}
  Review:
    id: integer
    fields:
      book:  Book
      stars: {type: integer, minimum: 1, maximum: 5}
    access: {read: public, write: signed_in}
  Event:
    id: integer
    fields: {number: {type: integer, index: true}}
    access: {read: public, write: signed_in}
  Note:
    id: integer
    fields:
      text:  string
      owner: {type: string, set: =user.id}
    access: {read: this.owner == user.id, create: signed_in}
";

const AUTHORS: &str = r#"
{"id": 1, "name": "Ann", "phone": "11"}
{"id": 2, "name": "Bob", "phone": "22", "hidden": true}
"#;

const BOOKS: &str = r#"
{"id": 1, "title": "Dune", "author_id": 1, "isbn": "111", "pages": 600, "price": "9.99", "published": "1965-08-01", "cost": 5, "blurb": "Sand, and Über-worms"}
{"id": 2, "title": "Dune Messiah", "author_id": 1, "isbn": "222", "pages": 300, "published": "1969-10-15", "cost": 7}
{"id": 3, "title": "Äpfel", "author_id": 2, "pages": 100, "price": "20", "kind": "essay", "lent": true}
{"id": 4, "title": "Emma", "pages": 300, "price": "9.5", "published": "1815-12-23"}
{"id": 5, "title": "dune, again", "pages": 50, "kind": "essay"}
"#;

/// Every change that has been committed, in order: `create Book 1 v1`.
pub fn feed(app: &App) -> Vec<String> {
    let driver = app.inner().database().driver();
    let entries = app.wait(store::feed::read(&**driver, 0, 100_000)).unwrap();
    let told = entries.iter().map(|entry| {
        let store::feed::Entry {
            action,
            resource,
            record,
            version,
            ..
        } = entry;
        format!("{action} {resource} {record} v{version}")
    });
    told.collect()
}

/// One connection, for what a client that behaves cannot show.
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Connection {
            stream,
            read: Vec::new(),
        }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Connection {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self
    }

    /// The next answer, with its body.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let length = answer.header("content-length");
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            assert!(self.more(), "the body ends early: {answer:?}");
        }
        answer.body = self.read.drain(..length).collect();
        answer
    }

    /// The next answer of those that have no body whatever `Content-Length` says.
    #[track_caller]
    pub fn head(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            let so_far = String::from_utf8_lossy(&self.read).into_owned();
            assert!(self.more(), "the connection ends after {so_far:?}");
        };
        let head: Vec<u8> = self.read.drain(..end + 4).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        Answer {
            status: status.unwrap().parse().unwrap(),
            headers: lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: Vec::new(),
        }
    }

    /// Reads until what came ends so; how many bytes that are.
    #[track_caller]
    pub fn until(&mut self, end: &[u8]) -> usize {
        while !self.read.ends_with(end) {
            assert!(self.more(), "the connection ends early");
        }
        self.read.len()
    }

    /// What still comes until the server closes. A reset counts as the end.
    pub fn rest(mut self) -> Vec<u8> {
        while self.more() {}
        self.read
    }

    fn more(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => false,
            Ok(length) => {
                self.read.extend_from_slice(&piece[..length]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends bytes on a connection of its own and reads one answer.
#[track_caller]
pub fn raw(app: &App, bytes: impl AsRef<[u8]>) -> Answer {
    Connection::open(app.address()).send(bytes).answer()
}

/// One member of each of a list's records.
#[track_caller]
pub fn each(answer: &Answer, member: &str) -> Vec<Json> {
    let items = answer.items();
    items.iter().map(|item| item[member].clone()).collect()
}

/// The ids of a list's records, where they are numbers.
#[track_caller]
pub fn ids(answer: &Answer) -> Vec<i64> {
    each(answer, "id")
        .iter()
        .map(|id| id.as_i64().unwrap())
        .collect()
}

/// The member names of an object, in order.
#[track_caller]
pub fn members(json: &Json) -> Vec<&str> {
    let members = json.as_object().unwrap();
    members.keys().map(String::as_str).collect()
}

/// The target of a `Link` with `rel="next"`.
pub fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let mut links = link.split(", ");
    let next = links.find_map(|link| link.strip_suffix(">; rel=\"next\""))?;
    Some(next.trim_start_matches('<').to_owned())
}
