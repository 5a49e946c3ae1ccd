//! One engine in a temporary folder, and requests in few words.

use std::sync::Arc;

use call::{
    Caller, CallerKind, Cell, Change, Failure, Filter, Operand, Operator, Outcome, Page, Place,
    Record, RecordKey, Request, Scopes, SortKey,
};
use diag::{Diagnostics, Sources};
use engine::Engine;
use model::{Action, Model};
use serde_json::{Map, Value as Json, json};
use value::Timestamp;

pub const NOW: Timestamp = Timestamp(1_790_000_000_000);

pub struct App {
    pub engine: Engine,
    _fresh: testdb::Fresh,
}

pub fn compile(text: &str) -> Model {
    let mut sources = Sources::new();
    let main = sources.add("frontdesk.yaml", text.to_owned());
    let mut found = Diagnostics::new();
    let model = contract::compile(main, &mut sources, &mut |_| Ok(vec![]), &mut found);
    model.unwrap_or_else(|| {
        let all: Vec<String> = found
            .iter()
            .map(|diagnostic| diag::render::text(&sources, diagnostic, false))
            .collect();
        panic!("the contract does not compile:\n{}", all.join("\n"))
    })
}

impl App {
    pub async fn new(contract: &str) -> App {
        let model = Arc::new(compile(contract));
        let fresh = testdb::Fresh::new();
        let driver = Arc::clone(&fresh.driver);
        store::migrate::bring(&*driver, &model, NOW, false)
            .await
            .unwrap();
        App {
            engine: Engine::new(model, driver, &[7; 32]),
            _fresh: fresh,
        }
    }

    pub fn ask(&self, resource: &str, action: Action) -> Ask<'_> {
        let model = self.engine.model();
        let resource = model
            .resource_named(resource)
            .unwrap_or_else(|| panic!("no resource {resource}"));
        Ask {
            app: self,
            request: Request::new(resource.id, action, Arc::new(operator()), NOW),
        }
    }

    /// Creates as the operator and gives the id as text.
    pub async fn add(&self, resource: &str, body: Json) -> String {
        let made = self
            .ask(resource, Action::Create)
            .body(body)
            .run()
            .await
            .unwrap();
        match &made["id"] {
            Json::String(id) => id.clone(),
            id => id.to_string(),
        }
    }

    /// Feed entries as (action, resource, version).
    pub async fn feed(&self) -> Vec<(String, String, i64)> {
        store::feed::read(&**self.engine.driver(), 0, 1000)
            .await
            .unwrap()
            .into_iter()
            .map(|entry| (entry.action, entry.resource, entry.version))
            .collect()
    }
}

pub fn operator() -> Caller {
    Caller::operator("key_test")
}

/// A key with all scopes that `scopes` lists, as user `id` with claims.
pub fn key(id: Option<&str>, scopes: &[&str], claims: &[(&str, &str)]) -> Caller {
    Caller {
        kind: CallerKind::Key {
            id: "key_test".into(),
        },
        user_id: id.map(str::to_owned),
        claims: claims
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        scopes: Scopes::Only(scopes.iter().map(|scope| (*scope).to_owned()).collect()),
        ..Caller::guest()
    }
}

pub struct Ask<'a> {
    app: &'a App,
    pub request: Request,
}

impl Ask<'_> {
    pub fn by(mut self, caller: Caller) -> Self {
        self.request.caller = Arc::new(caller);
        self
    }

    pub fn id(mut self, id: impl ToString) -> Self {
        self.request.target = Some(RecordKey::Id(id.to_string()));
        self
    }

    pub fn body(mut self, body: Json) -> Self {
        let body = object(body);
        self.request.change = Some(match self.request.action {
            Action::Update => Change::Merge(body),
            _ => Change::Whole(body),
        });
        self
    }

    pub fn patch(mut self, operations: Json) -> Self {
        self.request.change = Some(Change::Patch(operations));
        self
    }

    pub fn if_match(mut self, version: i64) -> Self {
        self.request.precondition.versions = Some(vec![version]);
        self
    }

    /// `price[lte]=20`, `author.name=Ann`, `sort=-title`, `limit=2`, `cursor=…`, `q=…`,
    /// `total=true`, `fields=…`, `include=…`.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let query = &mut self.request.query;
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        match name {
            "sort" => {
                query.sort = list(value)
                    .into_iter()
                    .map(|key| match key.strip_prefix('-') {
                        Some(field) => SortKey {
                            field: field.to_owned(),
                            descending: true,
                        },
                        None => SortKey {
                            field: key,
                            descending: false,
                        },
                    })
                    .collect();
            }
            "limit" => query.limit = Some(value.parse().unwrap()),
            "cursor" => query.cursor = Some(value.to_owned()),
            "q" => query.words = Some(value.to_owned()),
            "total" => query.total = value == "true",
            "fields" => self.request.view.fields = Some(list(value)),
            "include" => self.request.view.include = list(value),
            spelled => {
                let (path, operator) = match spelled
                    .strip_suffix(']')
                    .and_then(|name| name.split_once('['))
                {
                    Some((path, operator)) => (path, Operator::parse(operator).unwrap()),
                    None => (spelled, Operator::Eq),
                };
                let (relation, field) = match path.split_once('.') {
                    Some((relation, field)) => (Some(relation.to_owned()), field),
                    None => (None, path),
                };
                query.filters.push(Filter {
                    relation,
                    field: field.to_owned(),
                    operator,
                    operand: Operand::Text(value.to_owned()),
                    place: Place::Parameter(spelled.to_owned()),
                });
            }
        }
        self
    }

    pub async fn run(self) -> Result<Json, Failure> {
        self.app
            .engine
            .handle(self.request)
            .await
            .map(|outcome| show(&outcome))
    }

    /// The code of the refusal, or `ok`.
    pub async fn code(self) -> &'static str {
        match self.run().await {
            Ok(_) => "ok",
            Err(failure) => failure.code.name(),
        }
    }

    /// Codes of the single faults with their places: `too_long /title`.
    pub async fn faults(self) -> Vec<String> {
        let failure = self.run().await.expect_err("this must be refused");
        failure
            .problems
            .iter()
            .map(|problem| {
                let place = match &problem.place {
                    call::Place::Pointer(pointer) => pointer.clone(),
                    call::Place::Parameter(name) => format!("?{name}"),
                    call::Place::Header(name) => (*name).to_owned(),
                };
                format!("{} {place}", problem.code)
            })
            .collect()
    }

    /// One field of each item of the page.
    pub async fn each(self, field: &str) -> Vec<Json> {
        let page = self.run().await.unwrap();
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item[field].clone())
            .collect()
    }
}

pub fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn show(outcome: &Outcome) -> Json {
    match outcome {
        Outcome::Record(record) => show_record(record),
        Outcome::Created {
            record: Some(record),
            ..
        }
        | Outcome::Elsewhere {
            record: Some(record),
            ..
        } => show_record(record),
        Outcome::Created { record: None, .. } => json!("created"),
        Outcome::Written | Outcome::Elsewhere { record: None, .. } => json!("written"),
        Outcome::Deleted => json!("deleted"),
        Outcome::Page(page) => show_page(page),
        Outcome::Batch(batch) => serde_json::Value::from(format!("{batch:?}")),
        Outcome::Started(operation) => serde_json::Value::from(operation.id.as_str()),
        Outcome::Kept { answer, .. } => serde_json::Value::from(answer.as_str()),
    }
}

fn show_record(record: &Record) -> Json {
    let mut members = Map::new();
    for (slot, cell) in record.view.slots.iter().zip(&record.cells) {
        let shown = match cell {
            Cell::Hidden => continue,
            Cell::Value(value) if value.is_null() => Json::Null,
            Cell::Value(value) => {
                let mut out = Vec::new();
                value::json::write(&slot.ty, value, &mut out);
                serde_json::from_slice(&out).unwrap()
            }
            Cell::One(None) => Json::Null,
            Cell::One(Some(record)) => show_record(record),
            Cell::Many(page) => show_page(page),
        };
        members.insert(slot.name.clone(), shown);
    }
    Json::Object(members)
}

fn show_page(page: &Page) -> Json {
    let mut shown = json!({
        "items": page.items.iter().map(show_record).collect::<Vec<_>>(),
        "next_cursor": page.next_cursor,
    });
    if let Some(total) = page.total {
        shown["total"] = total.into();
    }
    shown
}
