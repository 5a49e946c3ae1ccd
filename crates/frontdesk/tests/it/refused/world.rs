//! A small bookstore with something for every kind of refusal, and everything in its database.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use store::driver::{Cost, Dialect, Statement, Storage};
use store::feed::Entry;
use testkit::{Answer, App, Client};
use value::Value;

const CONTRACT: &str = "
frontdesk: 1
name: bookstore
auth: {api_keys: true}
rules:
  staff: user.role == 'staff'
resources:
  Author:
    fields:
      name:   {type: string, minLength: 1, maxLength: 20, unique: true}
      email?: {type: string, format: email, access: {read: staff, write: staff}}
      editor?: Author
    lists:  {books: Book.author, pupils: Author.editor}
    access: {read: public, create: signed_in, update: staff, delete: staff}
  Book:
    id: integer
    fields:
      title:   {type: string, minLength: 1, maxLength: 20, index: true}
      author?: Author
      isbn?:   {type: string, pattern: '^97[89][0-9]{2}$', unique: true}
      price:   {type: integer, minimum: 0}
      sale?:   {type: integer, minimum: 0}
      tags:    {type: array, items: {type: string, maxLength: 5}, maxItems: 3, uniqueItems: true, default: []}
      hidden:  {type: boolean, default: false}
      owner:   {type: string, set: =user.id}
      rating?: {type: number, value: '=this.reviews.avg(r, r.stars)'}
    lists:  {reviews: Review.book}
    search: [title]
    check:
      - {rule: this.sale == null || this.sale <= this.price, message: a sale is no dearer, at: sale}
    rules:  {mine: this.owner == user.id}
    access: {read: '!this.hidden || mine || staff', create: signed_in, update: mine || staff, delete: mine}
  Review:
    fields:
      book:     {type: Book, immutable: true}
      reviewer: {type: string, set: =user.id}
      stars:    {type: integer, minimum: 1, maximum: 5}
      text?:    {type: text, maxLength: 50}
    unique: [[book, reviewer]]
    check:
      - {rule: this.book.price > 0, message: what costs nothing is not reviewed, at: book}
    rules:
      mine: this.reviewer == user.id
      open: '!this.book.hidden || this.book.owner == user.id'
    access:
      read: public
      create: signed_in && open
      update: mine && next.stars >= this.stars
      delete: mine || this.book.owner == user.id
  Label:
    id: string
    concurrency: required
    fields:
      text: {type: string, maxLength: 20}
      book?: Book
    access: {read: public, write: signed_in}
";

/// Those who may ask.
pub const CALLERS: [&str; 9] = [
    "guest",
    "ann",
    "bob",
    "staff",
    "operator",
    "reading only",
    "nobody in particular",
    "unknown",
    "revoked",
];

pub struct World {
    app: App,
    clients: Vec<Client>,
    /// Every id there ever was, by resource.
    ids: BTreeMap<String, Vec<String>>,
    dump: Arc<Statement>,
}

/// Everything in the database.
#[derive(Debug, PartialEq)]
pub struct Dump {
    /// Table and row, all columns as SQL writes them. Without the feed.
    rows: Vec<(String, String)>,
    pub feed: Vec<Entry>,
}

impl World {
    pub fn new() -> World {
        let app = App::start(CONTRACT);
        let key = || app.key().all_scopes();
        let revoked = key().user("rob").client();
        let keys = app.wait(app.inner().keys().list()).unwrap();
        let id = &keys[0].id;
        let ended = app.inner().keys().revoke(id, frontdesk::now());
        app.wait(ended).unwrap();
        let reader = ["authors", "books", "reviews", "labels"]
            .iter()
            .fold(app.key().user("ann"), |key, of| {
                key.scope(&format!("{of}.read"))
            });
        let clients = vec![
            Client::guest(app.address()),
            key().user("ann").client(),
            key().user("bob").client(),
            key().user("sue").claim("role", "staff").client(),
            app.admin(),
            reader.client(),
            key().client(),
            app.with_key("fdk_live_0123456789"),
            revoked,
        ];
        assert_eq!(clients.len(), CALLERS.len());
        let dump = dump_statement(&app);
        let mut world = World {
            app,
            clients,
            ids: BTreeMap::new(),
            dump,
        };
        world.fill();
        world
    }

    /// So that there is something to be refused from the beginning.
    fn fill(&mut self) {
        let (ann, bob) = (self.clients[1].clone(), self.clients[2].clone());
        let mut made = vec![
            ann.post("/v1/authors", &json!({"name": "Ann"})),
            bob.post("/v1/authors", &json!({"name": "Bob"})),
        ];
        let author = made[0].json()["id"].clone();
        made.extend([
            ann.post(
                "/v1/books",
                &json!({"title": "A", "price": 5, "author_id": author}),
            ),
            bob.post(
                "/v1/books",
                &json!({"title": "B", "price": 0, "isbn": "97801"}),
            ),
            bob.post(
                "/v1/books",
                &json!({"title": "C", "price": 9, "hidden": true}),
            ),
            bob.post("/v1/reviews", &json!({"book_id": 1, "stars": 3})),
            ann.post("/v1/labels", &json!({"id": "a", "text": "first"})),
        ]);
        for answer in made {
            self.remember(&answer.expect(201));
        }
    }

    pub fn client(&self, caller: usize) -> &Client {
        &self.clients[caller % self.clients.len()]
    }

    pub fn ids(&self, resource: &str) -> &[String] {
        self.ids
            .get(resource)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    pub fn remember(&mut self, answer: &Answer) {
        if answer.status == 201 {
            let location = answer.header("location").unwrap();
            let (path, id) = location.rsplit_once('/').unwrap();
            let resource = match path {
                "/v1/authors" => "Author",
                "/v1/books" => "Book",
                "/v1/reviews" => "Review",
                "/v1/labels" => "Label",
                other => panic!("no such path: {other}"),
            };
            let known = self.ids.entry(resource.to_owned()).or_default();
            known.push(id.to_owned());
        }
    }

    /// The version of a record, as somebody sees it who sees everything.
    pub fn version(&self, path: &str, id: &str) -> Option<i64> {
        let operator = &self.clients[4];
        let answer = operator.get(&format!("/v1/{path}/{id}"));
        if answer.status == 404 {
            return None;
        }
        let tag = answer.expect(200).etag();
        let version = tag.trim_matches('"').split('.').next().unwrap();
        Some(version.parse().unwrap())
    }

    pub fn table_of(&self, resource: &str) -> String {
        let model = self.app.inner().model();
        model.resource_named(resource).unwrap().snake.clone()
    }

    pub fn dump(&self) -> Dump {
        let driver = self.app.inner().database().driver();
        let rows = self.app.wait(driver.query(&self.dump, &[])).unwrap();
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            other => panic!("no text: {other:?}"),
        };
        let rows = rows.iter().map(|row| (text(&row[0]), text(&row[1])));
        let feed = store::feed::read(&**driver, 0, u32::MAX);
        Dump {
            rows: rows.collect(),
            feed: self.app.wait(feed).unwrap(),
        }
    }
}

/// All columns of all tables but the feed, in one statement. When a key was last used is noted of
/// the refused as well.
fn dump_statement(app: &App) -> Arc<Statement> {
    let driver = app.inner().database().driver();
    let statement = |text: String, columns| {
        Arc::new(Statement {
            text: text.into(),
            parameters: vec![],
            columns: vec![Storage::Text; columns],
            cost: Cost::Long,
        })
    };
    let columns = match driver.dialect() {
        Dialect::Sqlite => {
            "SELECT t.name, group_concat('quote(\"' || c.name || '\")', ' || '','' || ') \
             FROM sqlite_schema t, pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND t.name <> 'frontdesk_feed' \
             AND c.name <> 'last_used_at' GROUP BY t.name"
        }
        // Where the feed's positions end is part of the feed.
        Dialect::Postgres => {
            "SELECT table_name::text, string_agg('quote_nullable(\"' || column_name || '\")', ' || '','' || ' \
             ORDER BY ordinal_position) FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name NOT LIKE 'frontdesk\\_feed%' \
             AND column_name <> 'last_used_at' GROUP BY 1"
        }
    };
    let columns = statement(columns.to_owned(), 2);
    let tables = app.wait(driver.query(&columns, &[])).unwrap();
    let selects: Vec<String> = tables
        .iter()
        .map(|row| match row {
            [Value::Text(table), Value::Text(columns)] => {
                format!("SELECT '{table}', {columns} FROM \"{table}\"")
            }
            other => panic!("no table: {other:?}"),
        })
        .collect();
    // Four of the contract, four of frontdesk, and the one where SQLite counts ids.
    assert!(selects.len() >= 8, "{selects:?}");
    let all = format!("{} ORDER BY 1, 2", selects.join(" UNION ALL "));
    statement(all, 2)
}

impl Dump {
    /// The tables of the rows that have gone, and of those that have come, since `before`. Where
    /// SQLite counts ids does not matter: it goes on with every insert.
    pub fn changed_rows(&self, before: &Dump) -> (Vec<String>, Vec<String>) {
        let without = |rows: &Dump, others: &Dump| {
            let left = rows.rows.iter().filter(|row| !others.rows.contains(row));
            left.map(|(table, _)| table.clone())
                .filter(|table| table != "sqlite_sequence")
                .collect()
        };
        (without(before, self), without(self, before))
    }

    /// For people.
    pub fn difference(&self, before: &Dump) -> String {
        let mut text = String::new();
        for (sign, rows, others) in [('-', before, self), ('+', self, before)] {
            for row in rows.rows.iter().filter(|row| !others.rows.contains(row)) {
                text.push_str(&format!("{sign} {}: {}\n", row.0, row.1));
            }
            for entry in rows
                .feed
                .iter()
                .filter(|entry| !others.feed.contains(entry))
            {
                text.push_str(&format!("{sign} feed: {entry:?}\n"));
            }
        }
        text
    }
}

/// A member's value as it is written in the tables of [`super::requests`]: JSON, or `@Book`, the
/// id of one of the books.
pub fn value(world: &World, written: &str, which: usize) -> Json {
    if let Some(resource) = written.strip_prefix('@') {
        let ids = world.ids(resource);
        let id = &ids[which % ids.len()];
        return match resource {
            "Book" => Json::from(id.parse::<i64>().unwrap()),
            _ => Json::from(id.as_str()),
        };
    }
    serde_json::from_str(written).unwrap_or_else(|error| panic!("{written}: {error}"))
}
