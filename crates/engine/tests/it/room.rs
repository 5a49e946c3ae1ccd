//! What was deleted and can be restored keeps its unique values; what cannot be any more is in
//! nobody's way, whether or not anybody has purged it yet.

use call::{Batch, Change, Failure};
use model::Action;
use serde_json::{Value as Json, json};
use value::{Timestamp, Value};

use crate::support::{App, Ask, NOW, object};

const CONTRACT: &str = "
frontdesk: 1
name: shelf
resources:
  Author:
    id: integer
    soft_delete: 1d
    fields:
      name:   {type: string, unique: true}
      email?: {type: string, unique: true}
      mentor?: Author
    lists: {books: Book.author}
    access: {read: public, write: public}
  Book:
    id: integer
    soft_delete: 2d
    fields:
      author: Author
      title:  string
      year:   integer
    unique: [[title, year]]
    access: {read: public, write: public}
  Page:
    id: string
    soft_delete: 1d
    fields: {text: string}
    access: {read: public, write: public}
  Line:
    id: integer
    soft_delete: 1d
    fields:
      page:   Page
      number: {type: integer, sequence: Page}
    access: {read: public, write: public}
";

const DAY: i64 = 24 * 60 * 60 * 1_000;

struct Shelf(App);

impl Shelf {
    async fn new() -> Shelf {
        Shelf(App::new(CONTRACT).await)
    }

    /// A request so many milliseconds later.
    fn ask(&self, resource: &str, action: Action, later: i64) -> Ask<'_> {
        let mut ask = self.0.ask(resource, action);
        ask.request.now = Timestamp(NOW.0 + later);
        ask
    }

    async fn create(&self, resource: &str, body: Json, later: i64) -> Result<Json, Failure> {
        let ask = self.ask(resource, Action::Create, later);
        ask.body(body).run().await
    }

    async fn delete(&self, resource: &str, id: impl ToString) {
        let ask = self.ask(resource, Action::Delete, 0).id(id);
        ask.run().await.unwrap();
    }

    /// As the housekeeping does.
    async fn purge(&self, resource: &str, later: i64) {
        let engine = &self.0.engine;
        let (model, driver) = (engine.model(), engine.driver());
        let resource = model.resource_named(resource).unwrap().id;
        let purge = store::write::purge(model, driver.dialect(), resource, None);
        let before = vec![Value::Timestamp(Timestamp(NOW.0 + later))];
        let purged = store::execute(&**driver, vec![(purge, before)]).await;
        assert!(purged.unwrap() > 0);
    }

    /// `ok`, or the code with the places of what is taken.
    async fn told(&self, resource: &str, body: Json, later: i64) -> String {
        match self.create(resource, body, later).await {
            Ok(_) => "ok".to_owned(),
            Err(failure) => told(&failure),
        }
    }
}

fn told(failure: &Failure) -> String {
    let mut told = failure.code.name().to_owned();
    for problem in &failure.problems {
        if let call::Place::Pointer(pointer) = &problem.place {
            told = format!("{told} {pointer}");
        }
    }
    if failure.detail.contains("deleted") {
        told.push_str(" (deleted)");
    }
    told
}

#[tokio::test]
async fn a_value_is_free_when_its_record_cannot_come_back() {
    let shelf = Shelf::new().await;
    let ann = || json!({"name": "Ann", "email": "ann@example.org"});
    shelf.create("Author", ann(), 0).await.unwrap();
    shelf.delete("Author", 1).await;
    let taken = "already_exists /name (deleted)";
    assert_eq!(
        shelf.told("Author", json!({"name": "Ann"}), DAY).await,
        taken
    );
    let entries = shelf.0.feed().await.len();
    // A rehearsal takes nothing away.
    let mut rehearsal = shelf.ask("Author", Action::Create, DAY + 1).body(ann());
    rehearsal.request.manner.dry_run = true;
    rehearsal.run().await.unwrap();
    let restore = |later| shelf.ask("Author", Action::Restore, later).id(1);
    restore(DAY).run().await.unwrap();
    shelf.delete("Author", 1).await;
    let made = shelf.create("Author", ann(), DAY + 1).await.unwrap();
    assert_ne!(made["id"], json!(1));
    assert_eq!(restore(DAY + 1).code().await, "not_found");
    // Restored and deleted once more, and the new one: that the old one went is no entry.
    assert_eq!(shelf.0.feed().await.len(), entries + 3);
    // What is there is in the way, however old.
    assert_eq!(
        shelf.told("Author", json!({"name": "Ann"}), 9 * DAY).await,
        "already_exists /name"
    );
}

#[tokio::test]
async fn several_values_and_several_records_may_be_in_the_way() {
    let shelf = Shelf::new().await;
    for body in [
        json!({"name": "Ann", "email": "a@example.org"}),
        json!({"name": "Bob", "email": "b@example.org"}),
        json!({"name": "Cid", "email": "c@example.org"}),
    ] {
        shelf.create("Author", body, 0).await.unwrap();
    }
    shelf.delete("Author", 1).await;
    shelf.delete("Author", 2).await;
    // One by its name, the other by its address.
    let mixed = || json!({"name": "Ann", "email": "b@example.org"});
    let refused = shelf.told("Author", mixed(), DAY).await;
    // Databases differ in which they find first.
    let expected = ["name", "email"].map(|name| format!("already_exists /{name} (deleted)"));
    assert!(expected.contains(&refused), "{refused}");
    // One is over time, the other there.
    let other = json!({"name": "Ann", "email": "c@example.org"});
    assert_eq!(
        shelf.told("Author", other, DAY + 1).await,
        "already_exists /email"
    );
    // What was refused took nothing away.
    let restore = shelf.ask("Author", Action::Restore, DAY).id(1);
    restore.run().await.unwrap();
    shelf.delete("Author", 1).await;
    let made = shelf.create("Author", mixed(), DAY + 1).await.unwrap();
    let fourth = &made["id"];

    // A change and a batch like a create.
    shelf.delete("Author", 3).await;
    let update = |later| {
        let ask = shelf.ask("Author", Action::Update, later).id(fourth);
        ask.body(json!({"name": "Cid"}))
    };
    assert_eq!(
        told(&update(DAY).run().await.unwrap_err()),
        "already_exists /name (deleted)"
    );
    let batch = |later| {
        let mut ask = shelf.ask("Author", Action::Create, later);
        let bodies = [json!({"name": "Dee"}), json!({"name": "Cid"})];
        ask.request.change = Some(Change::Batch(Batch {
            create: bodies.into_iter().map(|body| Some(object(body))).collect(),
            ..Batch::default()
        }));
        ask
    };
    assert_eq!(
        told(&batch(DAY).run().await.unwrap_err()),
        "already_exists /create/1/name (deleted)"
    );
    update(DAY + 1).run().await.unwrap();
    shelf.delete("Author", fourth).await;
    batch(DAY + 1).run().await.unwrap();
}

#[tokio::test]
async fn what_refers_to_it_goes_with_it_or_keeps_it() {
    let shelf = Shelf::new().await;
    let ann = || json!({"name": "Ann"});
    shelf.create("Author", ann(), 0).await.unwrap();
    let pupil = json!({"name": "Bob", "mentor_id": 1});
    shelf.create("Author", pupil, 0).await.unwrap();
    let book = || json!({"author_id": 1, "title": "T", "year": 1});
    shelf.create("Book", book(), 0).await.unwrap();
    for (resource, id) in [("Book", 1), ("Author", 2), ("Author", 1)] {
        shelf.delete(resource, id).await;
    }
    // The book can come back for another day, and is nothing without its author's row.
    assert_eq!(
        shelf.told("Author", ann(), DAY + 1).await,
        "already_exists /name"
    );
    shelf.create("Author", ann(), 2 * DAY + 1).await.unwrap();
    // Values that are unique together, where everything is over time.
    let made = shelf
        .create("Author", json!({"name": "Cid"}), 0)
        .await
        .unwrap();
    let again = json!({"author_id": made["id"], "title": "T", "year": 1});
    let made = shelf.create("Book", again.clone(), 0).await.unwrap();
    shelf.delete("Book", &made["id"]).await;
    assert_eq!(
        shelf.told("Book", again.clone(), 2 * DAY).await,
        "already_exists /title /year (deleted)"
    );
    shelf.create("Book", again, 2 * DAY + 1).await.unwrap();
}

#[tokio::test]
async fn an_id_that_clients_choose_begins_anew() {
    let shelf = Shelf::new().await;
    let page = || json!({"id": "a", "text": "x"});
    let line = || json!({"page_id": "a"});
    shelf.create("Page", page(), 0).await.unwrap();
    for number in 1..=2 {
        let made = shelf.create("Line", line(), 0).await.unwrap();
        assert_eq!(made["number"], json!(number));
        shelf.delete("Line", made["id"].clone()).await;
    }
    shelf.delete("Page", "a").await;
    assert_eq!(
        shelf.told("Page", page(), DAY).await,
        "already_exists /id (deleted)"
    );
    let put = async |later| {
        let mut put = shelf.ask("Page", Action::Replace, later).id("a");
        put.request.precondition.absent = true;
        put.body(json!({"text": "new"})).run().await.unwrap();
        // Nothing of the old one is left.
        let made = shelf.create("Line", line(), later).await.unwrap();
        assert_eq!(made["number"], json!(1));
        made["id"].clone()
    };
    let third = put(DAY + 1).await;
    // Nor when it was purged before anybody wanted its id.
    shelf.delete("Line", third).await;
    shelf.delete("Page", "a").await;
    for resource in ["Line", "Page"] {
        shelf.purge(resource, 1).await;
    }
    put(DAY + 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_it_at_once_one_gets_it() {
    let shelf = Shelf::new().await;
    let ann = || json!({"name": "Ann"});
    shelf.create("Author", ann(), 0).await.unwrap();
    shelf.delete("Author", 1).await;
    let told = || shelf.told("Author", ann(), DAY + 1);
    let (a, b, c, d) = tokio::join!(told(), told(), told(), told());
    let mut all = [a, b, c, d];
    all.sort();
    let taken = "already_exists /name";
    assert_eq!(all, [taken, taken, taken, "ok"]);
}
