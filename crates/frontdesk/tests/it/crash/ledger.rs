//! What clients did, held against what the database holds.
//!
//! The feed is gone through from its beginning. Every entry must be the deed of one client, every
//! acknowledged deed must have its entry, no refused one may have any, and the entries of a record
//! must continue each other up to the row that is there now.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use frontdesk::Project;
use model::Model;
use serde_json::{Map, Value as Json};
use store::driver::{Cost, Driver, Statement, Storage};
use store::feed::Entry;
use store::select::Select;
use store_sqlite::{Options, SqliteDriver};
use testkit::Client;
use tokio::runtime::Runtime;
use value::Value;

use super::Dice;
use super::load::{Deed, Own, Wish, path, settable};

/// Entries read at once.
const PAGE: u32 = 2_000;
/// Records asked for one by one after each round.
const ASKED: usize = 20;

pub struct Ledger {
    folder: PathBuf,
    model: Model,
    deeds: Vec<Deed>,
    /// Every record there ever was, as the feed tells it.
    records: BTreeMap<Key, Known>,
    /// Whether the feed has an entry for the deed at this place.
    done: Vec<bool>,
    runtime: Runtime,
}

/// Resource and id.
type Key = (String, String);

#[derive(Clone, Debug)]
struct Known {
    version: i64,
    /// As the feed writes it. `None` once it is deleted.
    row: Option<String>,
}

impl Ledger {
    pub fn new(folder: &Path) -> Ledger {
        let compiled = Project::open(folder).unwrap().compile().unwrap();
        Ledger {
            folder: folder.to_owned(),
            model: compiled.into_model().unwrap().0,
            deeds: vec![],
            records: BTreeMap::new(),
            done: vec![],
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    /// Where the clients' clock is to go on.
    pub fn clock(&self) -> u64 {
        self.deeds
            .iter()
            .map(|deed| deed.ended + 1)
            .max()
            .unwrap_or(0)
    }

    pub fn take_in(&mut self, deeds: Vec<Deed>) {
        self.deeds.extend(deeds);
    }

    pub fn acknowledged(&self) -> usize {
        self.deeds
            .iter()
            .filter(|deed| deed.is_acknowledged())
            .count()
    }

    /// The records that a client may go on with.
    pub fn owned_by(&self, client: &str) -> Vec<Own> {
        let prefix = format!("{client}-");
        let mut own = Vec::new();
        for ((resource, record), known) in &self.records {
            let Some(row) = &known.row else { continue };
            let row: Json = serde_json::from_str(row).unwrap();
            if !row["mark"].as_str().unwrap().starts_with(&prefix)
                || row["name"]
                    .as_str()
                    .is_some_and(|name| name.starts_with("shared-"))
            {
                continue;
            }
            let resource = match resource.as_str() {
                "Account" => "Account",
                _ => "Line",
            };
            own.push(Own {
                resource,
                record: record.clone(),
                version: known.version,
                fields: settable(resource, &row),
            });
        }
        own
    }

    /// Reads everything out of the database and holds it against the deeds.
    pub fn check_file(&mut self) {
        let driver: Box<dyn Driver> = match testkit::target(&self.folder) {
            Some(target) => Box::new(testdb::open(target)),
            None => self.sound_file(),
        };
        let feed = self.feed(&*driver);
        self.check_feed(&feed);
        self.check_rows(&*driver);
    }

    /// The SQLite file, after asking SQLite whether it is whole.
    fn sound_file(&self) -> Box<dyn Driver> {
        let file = self.folder.join(".frontdesk/frontdesk.db");
        let driver = SqliteDriver::open(&file, Options::default()).unwrap();
        let ask = |text: &'static str, columns: Vec<Storage>| {
            let statement = Statement {
                text: text.into(),
                parameters: vec![],
                columns,
                cost: Cost::Long,
            };
            let rows = self.runtime.block_on(driver.query(&statement.into(), &[]));
            rows.unwrap().cells
        };
        assert_eq!(
            ask("PRAGMA integrity_check", vec![Storage::Text]),
            [Value::Text("ok".to_owned())]
        );
        let dangling = ask(
            "SELECT count(*) FROM pragma_foreign_key_check",
            vec![Storage::Int],
        );
        assert_eq!(dangling, [Value::Int(0)]);
        Box::new(driver)
    }

    fn feed(&self, driver: &dyn Driver) -> Vec<Entry> {
        let mut feed: Vec<Entry> = vec![];
        loop {
            let position = feed.last().map_or(0, |entry| entry.position);
            let page = store::feed::read(driver, position, PAGE);
            let page = self.runtime.block_on(page).unwrap();
            let end = page.is_empty();
            for entry in page {
                let last = feed.last().map_or(0, |entry| entry.position);
                assert!(entry.position > last, "positions go back: {entry:?}");
                feed.push(entry);
            }
            if end {
                return feed;
            }
        }
    }

    fn check_feed(&mut self, feed: &[Entry]) {
        let mut by_mark = HashMap::new();
        let mut deletions: HashMap<Key, Vec<usize>> = HashMap::new();
        for (at, deed) in self.deeds.iter().enumerate() {
            match deed.mark() {
                Some(mark) => assert!(by_mark.insert(mark.to_owned(), at).is_none(), "{deed:?}"),
                None => {
                    let record = deed.record.clone().unwrap();
                    let key = (deed.resource.to_owned(), record);
                    deletions.entry(key).or_default().push(at);
                }
            }
        }
        let mut records: BTreeMap<Key, Known> = BTreeMap::new();
        let mut done = vec![false; self.deeds.len()];
        // The latest moment at which a deed began that has come so far.
        let mut latest = 0;
        for entry in feed {
            let key = (entry.resource.clone(), entry.record.clone());
            follows(entry, records.get(&key));
            let known = Known {
                version: entry.version,
                row: entry.after.clone(),
            };
            records.insert(key.clone(), known);
            let at = match &entry.after {
                Some(after) => {
                    let after = parse(after);
                    let mark = after["mark"].as_str().unwrap();
                    if mark.starts_with("shared-") {
                        continue;
                    }
                    *by_mark
                        .get(mark)
                        .unwrap_or_else(|| panic!("nobody's: {entry:?}"))
                }
                // Several may have tried, one of them was the one.
                None => {
                    let tried = deletions.get(&key).map(Vec::as_slice).unwrap_or_default();
                    let told = |at: &&usize| self.deeds[**at].is_acknowledged();
                    let silent = |at: &&usize| self.deeds[**at].end.is_err();
                    let found = tried.iter().find(told);
                    *found
                        .or_else(|| tried.iter().find(silent))
                        .unwrap_or_else(|| panic!("nobody's: {entry:?}"))
                }
            };
            let deed = &self.deeds[at];
            assert!(!done[at], "done twice: {deed:?}: {entry:?}");
            done[at] = true;
            agree(deed, entry);
            // Who was answered before another began comes before that one.
            if deed.end.is_ok() {
                assert!(
                    deed.ended > latest,
                    "out of order: {deed:?}: {entry:?} after one that began at {latest}"
                );
            }
            latest = latest.max(deed.began);
        }
        for (deed, done) in self.deeds.iter().zip(&done) {
            assert!(*done || !deed.is_acknowledged(), "lost: {deed:?}");
        }
        for (key, known) in &self.records {
            let now = &records.get(key);
            assert!(
                now.is_some_and(|now| now.version >= known.version),
                "{key:?} was {known:?} before this round and is {now:?}"
            );
        }
        self.records = records;
        self.done = done;
    }

    /// Every row is as the last entry about it says, and there are no others.
    fn check_rows(&self, driver: &dyn Driver) {
        let mut rows: BTreeMap<Key, Known> = BTreeMap::new();
        for resource in &self.model.resources {
            let select = Select::whole_row(&self.model, resource.id);
            let prepared = store::select::select(&self.model, driver.dialect(), &select).unwrap();
            let found = driver.query(&prepared.statement, &[]);
            let found = self.runtime.block_on(found).unwrap();
            for mut stored in prepared.records(found).unwrap() {
                let Some(Value::Int(version)) = stored.pop() else {
                    panic!("no version: {stored:?}");
                };
                let mut row = vec![Value::Null; resource.fields.len()];
                for (field, value) in store::layout::stored_fields(resource).zip(stored) {
                    row[usize::from(field.id.0)] = value;
                }
                let id = &row[usize::from(resource.id_field().id.0)];
                rows.insert(
                    (resource.name.clone(), resource.id_type.to_text(id)),
                    Known {
                        version,
                        row: Some(store::json::write_record(resource, &row)),
                    },
                );
            }
        }
        for (key, known) in self.records.iter().filter(|(_, known)| known.row.is_some()) {
            let row = rows
                .remove(key)
                .unwrap_or_else(|| panic!("no row of {key:?}"));
            assert_eq!(
                (row.version, &row.row),
                (known.version, &known.row),
                "the row of {key:?} and its last entry"
            );
        }
        assert!(
            rows.is_empty(),
            "rows without entries, or deleted: {rows:?}"
        );
    }

    /// Clients see the same.
    pub fn check_http(&self, client: &Client, dice: &mut Dice) {
        for resource in ["Account", "Line"] {
            let mut found = BTreeMap::new();
            let mut target = format!("{}?limit=200", path(resource));
            loop {
                let page = client.get(&target).expect(200).json();
                for record in page["items"].as_array().unwrap() {
                    let id = text(&record["id"]);
                    assert!(found.insert(id, settable(resource, record)).is_none());
                }
                match page["next_cursor"].as_str() {
                    Some(cursor) => {
                        target = format!("{}?limit=200&cursor={cursor}", path(resource));
                    }
                    None => break,
                }
            }
            let expected: BTreeMap<String, Map<String, Json>> = self
                .of(resource)
                .filter_map(|(id, known)| {
                    let row = parse(known.row.as_ref()?);
                    Some((id.clone(), settable(resource, &row)))
                })
                .collect();
            assert_eq!(found, expected);

            let all: Vec<_> = self.of(resource).collect();
            for _ in 0..ASKED {
                let Some((id, known)) = dice.pick(&all) else {
                    break;
                };
                let answer = client.get(&format!("{}/{id}", path(resource)));
                if known.row.is_some() {
                    let tag = answer.expect(200).etag();
                    let version = format!("\"{}.", known.version);
                    assert!(tag.starts_with(&version), "{tag} of {known:?}");
                } else {
                    answer.expect(404);
                }
            }
        }
    }

    fn of(&self, resource: &str) -> impl Iterator<Item = (&String, &Known)> {
        self.records
            .iter()
            .filter(move |((of, _), _)| of == resource)
            .map(|((_, id), known)| (id, known))
    }

    /// A server that ends in good order does nothing that it tells nobody about.
    pub fn nothing_unanswered_was_done(&self) {
        for (deed, done) in self.deeds.iter().zip(&self.done) {
            assert!(!done || deed.end.is_ok(), "done without a word: {deed:?}");
        }
    }
}

/// An entry goes on where the one before it has left its record.
#[track_caller]
fn follows(entry: &Entry, known: Option<&Known>) {
    let told = || format!("{entry:?} after {known:?}");
    match (entry.action.as_str(), known) {
        ("create", None) => {
            assert_eq!((entry.version, &entry.before), (1, &None), "{}", told());
            assert!(entry.after.is_some(), "{}", told());
        }
        ("update", Some(Known { version, row })) if row.is_some() => {
            assert_eq!(
                (entry.version, &entry.before),
                (version + 1, row),
                "{}",
                told()
            );
            assert!(entry.after.is_some(), "{}", told());
        }
        ("delete", Some(Known { version, row })) if row.is_some() => {
            assert_eq!(
                (entry.version, &entry.before),
                (*version, row),
                "{}",
                told()
            );
            assert_eq!(entry.after, None, "{}", told());
        }
        _ => panic!("{}", told()),
    }
}

/// An entry is what its deed asked for, all of it, and what its client was told.
#[track_caller]
fn agree(deed: &Deed, entry: &Entry) {
    let told = || format!("{deed:?}: {entry:?}");
    assert!(!deed.is_refused(), "refused and done: {}", told());
    let action = match deed.wish {
        Wish::Create => "create",
        Wish::Patch | Wish::Replace => "update",
        Wish::Delete => "delete",
    };
    assert_eq!(
        (deed.resource, action),
        (entry.resource.as_str(), entry.action.as_str())
    );
    if let Some(record) = &deed.record {
        assert_eq!(record, &entry.record, "{}", told());
    }
    let Some(after) = &entry.after else { return };
    let after = settable(deed.resource, &parse(after));
    let mut expected = match (deed.wish, &entry.before) {
        (Wish::Patch, Some(before)) => settable(deed.resource, &parse(before)),
        // What is not said is nothing.
        _ => settable(deed.resource, &Json::Null),
    };
    expected.extend(deed.sent.clone());
    assert_eq!(after, expected, "{}", told());
    if let Ok(reply) = &deed.end {
        assert_eq!(reply.version, Some(entry.version), "{}", told());
        assert_eq!(text(&reply.body["id"]), entry.record, "{}", told());
        assert_eq!(settable(deed.resource, &reply.body), after, "{}", told());
    }
}

fn parse(row: &str) -> Json {
    serde_json::from_str(row).unwrap()
}

fn text(id: &Json) -> String {
    match id {
        Json::String(id) => id.clone(),
        id => id.to_string(),
    }
}
