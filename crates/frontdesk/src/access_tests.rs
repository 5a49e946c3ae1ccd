//! Runs the contract's own access tests (`tests:`) through the engine.
//!
//! Each test gets a database of its own, with the seed in it and the test's record added. Its
//! tables hold no references, so a record need not bring along everything it refers to; what a
//! rule looks up over a relation comes from the seed.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use call::{
    Caller, CallerKind, Change, Code, Failure, Filter, Operand, Operator, Outcome, Precondition,
    Proof, RecordKey, Request, Scopes,
};
use engine::Engine;
use model::{
    AccessTest, Action, Audience, Expectation, Field, FieldKind, Idempotency, Model, Resource,
    TextFormat,
};
use serde_json::{Map, Value as Json, json};
use value::{IdKind, Type, Value};

use crate::clock::now;
use crate::database::Database;
use crate::decision;
use crate::error::Error;
use crate::file_error::FileError;
use crate::project::Project;
use crate::seed;
use crate::trial;

/// For records of which the test says no id: unlikely to be anybody's.
const ID: i64 = 999_999_937;
/// Likewise, a UUID of version 7 from a time when nobody will look back at us.
const UUID: [u8; 16] = [
    0xf7, 0x1f, 0x64, 0x85, 0x3a, 0x9c, 0x7b, 0x52, 0x9d, 0x08, 0xe6, 0x4b, 0x91, 0xc3, 0x2f, 0x7d,
];
const TEXT: &str = "frontdesk-test";
/// No cursor outlives a test.
const CURSOR_SECRET: [u8; 32] = [0; 32];

/// One test and how it went.
#[derive(Debug)]
pub struct Tested {
    /// `Book · update as user 7, role staff: allowed`, or the name it was given.
    pub name: String,
    pub file: String,
    pub line: u32,
    /// What happened instead, if it is not what was expected.
    pub failed: Option<Wrong>,
}

/// Why a test failed.
#[derive(Debug)]
pub struct Wrong {
    pub what: String,
    /// The rule taken apart, line by line.
    pub why: Option<String>,
}

/// Runs all tests of a project.
///
/// # Errors
/// When the contract has mistakes or the seed does not fit it.
pub async fn run(project: &Project) -> Result<Vec<Tested>, Error> {
    let (model, _) = project.compile()?.into_model()?;
    if model.tests.is_empty() {
        return Ok(vec![]);
    }
    let model = Arc::new(asked_once(model));
    let folder = tempfile::tempdir()
        .map_err(|source| FileError::making_folder(&std::env::temp_dir(), source))?;
    let template = folder.path().join("template");
    {
        let database = Database::open(&template)?;
        let (bare, _) = project.compile()?.into_model()?;
        if let Some(pending) = database.pending(&without_references(bare)).await? {
            database.apply(&pending, false).await?;
        }
        let engine = engine(&model, &database);
        seed::fill(&engine, project.folder()).await?;
        // Closed here, so that the file is all there is.
    }
    let mut tested = Vec::with_capacity(model.tests.len());
    for (number, test) in model.tests.iter().enumerate() {
        let data = folder.path().join(number.to_string());
        copy(&template, &data)?;
        let database = Database::open(&data)?;
        let outcome = Run {
            model: &model,
            database: &database,
            test,
        }
        .run()
        .await;
        tested.push(Tested {
            name: test.name.clone().unwrap_or_else(|| describe(&model, test)),
            file: test.file.clone(),
            line: test.line,
            failed: outcome.err(),
        });
    }
    Ok(tested)
}

fn engine(model: &Arc<Model>, database: &Database) -> Engine {
    Engine::new(
        Arc::clone(model),
        Arc::clone(database.driver()),
        &CURSOR_SECRET,
    )
}

/// The same tables without the promise that what is referred to is there.
fn without_references(mut model: Model) -> Model {
    for field in model
        .resources
        .iter_mut()
        .flat_map(|resource| &mut resource.fields)
    {
        if field.relation().is_some() {
            field.kind = FieldKind::Stored;
        }
    }
    model
}

/// The same contract for whoever asks only once: who may write is no question of the key that
/// makes asking again safe.
fn asked_once(mut model: Model) -> Model {
    for resource in &mut model.resources {
        resource.idempotency = Idempotency::Optional;
    }
    model
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let copied = fs::create_dir_all(to).and_then(|()| {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    });
    copied.map_err(|source| FileError::writing(to, source).into())
}

struct Run<'a> {
    model: &'a Arc<Model>,
    database: &'a Database,
    test: &'a AccessTest,
}

impl Run<'_> {
    async fn run(&self) -> Result<(), Wrong> {
        let plain = |what: String| Wrong { what, why: None };
        let test = self.test;
        let resource = self.model.resource(test.resource);
        let engine = engine(self.model, self.database);
        let mut id = None;
        let mut stored = Map::new();
        if test.action != Action::Create {
            stored = record(resource, test);
            let text = stored.get("id").map_or(String::new(), plain_text);
            // A record of which only the id is said is one of the seed, if it is there.
            let seeded = test.record.len() == 1 && self.exists(resource, &text).await;
            if !seeded {
                let imported = engine
                    .take_in(resource.id, vec![stored.clone()], now())
                    .await;
                imported.map_err(|error| {
                    plain(format!(
                        "the test's record cannot be stored: {}",
                        seed::in_words(&error.failure)
                    ))
                })?;
            }
            if test.action == Action::Restore {
                self.delete(&engine, resource, &text).await.map_err(plain)?;
            }
            id = Some(text);
        }
        let caller = caller(self.model, test);
        let mut request = Request::new(resource.id, test.action, Arc::new(caller), now());
        match (test.action, &id) {
            (Action::List, Some(id)) => request.query.filters.push(Filter {
                relation: None,
                field: "id".to_owned(),
                operator: Operator::Eq,
                operand: Operand::Text(id.clone()),
                place: call::Place::Parameter("id".to_owned()),
            }),
            (Action::Create, _) => request.change = Some(Change::Whole(input(resource, test))),
            (Action::Update, _) => request.change = Some(Change::Merge(test.input.clone())),
            (Action::Replace, _) => {
                let writable = |(name, _): &(String, Json)| {
                    resource
                        .field_named(name)
                        .is_some_and(|field| !field.read_only)
                };
                let whole = stored
                    .into_iter()
                    .filter(writable)
                    .chain(test.input.clone());
                request.change = Some(Change::Whole(whole.collect()));
            }
            (Action::List | Action::Get | Action::Delete | Action::Restore, _) => {}
        }
        if test.action != Action::List {
            request.target = id.clone().map(RecordKey::Id);
        }
        if matches!(
            test.action,
            Action::Update | Action::Replace | Action::Delete
        ) {
            request.precondition = Precondition {
                exists: true,
                ..Precondition::default()
            };
        }
        // Taken apart before it is done: afterwards the record may be gone.
        let why = self.why(resource, &request.caller, id.as_deref()).await;
        let happened = happened(resource, test.action, engine.handle(request).await);
        let happened = happened.map_err(plain)?;
        let wrong = |what: String| {
            Err(Wrong {
                what,
                why: why.clone(),
            })
        };
        match (&test.expect, &happened) {
            (Expectation::Allowed, Happened::Allowed)
            | (Expectation::Hidden, Happened::Hidden)
            | (Expectation::Refused { rule: None }, Happened::Refused { .. }) => Ok(()),
            (Expectation::Refused { rule: Some(wanted) }, Happened::Refused { rule }) => {
                if one_line(wanted) == one_line(rule) {
                    return Ok(());
                }
                wrong(format!("it was refused, but by `{}`", one_line(rule)))
            }
            (_, Happened::Allowed) => wrong(format!(
                "it was allowed by `{}`",
                self.rule(resource, test.action)
            )),
            (_, Happened::Hidden) => wrong(format!(
                "it was hidden by `{}`",
                self.rule(resource, Action::Get)
            )),
            (_, Happened::Refused { rule }) => {
                wrong(format!("it was refused by `{}`", one_line(rule)))
            }
        }
    }

    fn rule(&self, resource: &Resource, action: Action) -> String {
        resource
            .access
            .rule(action)
            .map_or("nobody".to_owned(), |rule| one_line(&rule.text))
    }

    async fn exists(&self, resource: &Resource, id: &str) -> bool {
        self.row(resource, Action::Get, id).await.is_some()
    }

    /// So that it can be restored.
    async fn delete(&self, engine: &Engine, resource: &Resource, id: &str) -> Result<(), String> {
        let operator = Caller::operator("test");
        let mut request = Request::new(resource.id, Action::Delete, Arc::new(operator), now());
        request.target = Some(RecordKey::Id(id.to_owned()));
        request.precondition.exists = true;
        match engine.handle(request).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(format!(
                "the test's record cannot be deleted: {}",
                seed::in_words(&failure)
            )),
        }
    }

    async fn row(&self, resource: &Resource, action: Action, id: &str) -> Option<Vec<Value>> {
        let id = resource.id_type.parse(id).ok()?;
        let driver = &**self.database.driver();
        decision::row(self.model, driver, resource.id, action, &id)
            .await
            .ok()?
    }

    async fn why(&self, resource: &Resource, caller: &Caller, id: Option<&str>) -> Option<String> {
        let action = self.test.action;
        let row = self.row(resource, action, id?).await?;
        let driver = &**self.database.driver();
        let decision =
            decision::decide(self.model, driver, resource, action, caller, Some(&row)).ok()?;
        Some(decision.why?.to_string())
    }
}

enum Happened {
    Allowed,
    Hidden,
    Refused { rule: String },
}

/// # Errors
/// When something else than a rule decided.
fn happened(
    resource: &Resource,
    action: Action,
    outcome: Result<Outcome, Failure>,
) -> Result<Happened, String> {
    let failure = match outcome {
        Ok(Outcome::Page(page)) if page.items.is_empty() => return Ok(Happened::Hidden),
        Ok(_) => return Ok(Happened::Allowed),
        Err(failure) => failure,
    };
    match failure.code {
        Code::NotFound => Ok(Happened::Hidden),
        Code::Forbidden | Code::Unauthenticated => {
            let own = || resource.access.rule(action).map(|rule| rule.text.clone());
            let rule = failure.rule.as_ref().map(|rule| rule.to_string());
            let rule = rule.or_else(own).unwrap_or_else(|| "nobody".to_owned());
            Ok(Happened::Refused { rule })
        }
        _ => Err(format!(
            "no rule was asked, because the request is not good: {}",
            seed::in_words(&failure)
        )),
    }
}

fn caller(model: &Model, test: &AccessTest) -> Caller {
    let Some(wanted) = &test.caller else {
        // Tests are about rules, so also a guest meets what is not for the public.
        return Caller {
            audience: Audience::Private,
            ..Caller::guest()
        };
    };
    Caller {
        kind: CallerKind::Key {
            id: "test".to_owned(),
        },
        user_id: wanted.id.clone(),
        claims: wanted.claims.clone(),
        scopes: Scopes::Only(trial::scopes(model)),
        audience: Audience::Private,
        proof: Proof::default(),
    }
}

/// The stored record: what the test says, and something fitting for the rest that cannot be
/// left out.
fn record(resource: &Resource, test: &AccessTest) -> Map<String, Json> {
    let mut record = Map::new();
    record.insert("id".to_owned(), some_id(resource));
    for field in &resource.fields {
        let needed = field.is_stored()
            && !field.is_system()
            && !field.shape.nullable
            && field.default.is_none();
        if needed && let Some(value) = made_up(resource, field) {
            record.insert(field.name.clone(), value);
        }
    }
    record.extend(test.record.clone());
    record
}

fn input(resource: &Resource, test: &AccessTest) -> Map<String, Json> {
    let mut input = Map::new();
    if resource.id_type.kind == IdKind::Text {
        input.insert("id".to_owned(), some_id(resource));
    }
    for field in &resource.fields {
        if !field.is_system()
            && field.required_on_create()
            && let Some(value) = made_up(resource, field)
        {
            input.insert(field.name.clone(), value);
        }
    }
    input.extend(test.input.clone());
    input
}

fn some_id(resource: &Resource) -> Json {
    let id = &resource.id_type;
    match id.kind {
        IdKind::Integer if id.is_json_number() => json!(ID),
        IdKind::Integer => json!(id.to_text(&Value::Int(ID))),
        IdKind::TypeId | IdKind::Uuid | IdKind::Random => json!(id.to_text(&Value::Uuid(UUID))),
        IdKind::Text => json!(TEXT),
    }
}

/// Something fitting for a field: what must be unique is nothing that a seed would have.
fn made_up(resource: &Resource, field: &Field) -> Option<Json> {
    let usual = surface::example::of_field(field);
    let together = [&resource.key].into_iter().chain(&resource.unique);
    let is_unique = field.unique || together.into_iter().any(|set| set.contains(&field.id));
    if !is_unique {
        return usual;
    }
    let constraints = &field.shape.constraints;
    let is_bound = constraints.maximum.is_some()
        || constraints.exclusive_maximum.is_some()
        || constraints.multiple_of.is_some();
    let text = |text: &str| {
        let least = constraints.min_length.unwrap_or(0) as usize;
        let most = constraints
            .max_length
            .map_or(usize::MAX, |most| most as usize);
        (least..=most).contains(&text.len()).then(|| json!(text))
    };
    let own = match (&field.shape.ty, constraints.format) {
        _ if constraints.pattern.is_some() => None,
        (Type::Text, None) => text(TEXT),
        (Type::Text, Some(TextFormat::Email)) => text("frontdesk-test@example.com"),
        (Type::Text, Some(TextFormat::Uri)) => text("https://example.com/frontdesk-test"),
        (Type::Text, Some(TextFormat::Duration)) => text("PT7H19M43S"),
        (Type::Int32 | Type::Int53, _) if !is_bound => Some(json!(ID)),
        (Type::Int64, _) if !is_bound => Some(json!(ID.to_string())),
        (Type::Uuid, _) => Some(json!(uuid(&field.shape.ty))),
        _ => None,
    };
    own.or(usual)
}

fn uuid(ty: &Type) -> String {
    value::text::print(ty, &Value::Uuid(UUID))
}

fn plain_text(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn describe(model: &Model, test: &AccessTest) -> String {
    let expect = match &test.expect {
        Expectation::Allowed => "allowed".to_owned(),
        Expectation::Hidden => "hidden".to_owned(),
        Expectation::Refused { rule: None } => "refused".to_owned(),
        Expectation::Refused { rule: Some(rule) } => format!("refused by {}", one_line(rule)),
    };
    format!(
        "{} · {} as {}: {expect}",
        model.resource(test.resource).name,
        test.action.name(),
        decision::describe(&caller(model, test)),
    )
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
