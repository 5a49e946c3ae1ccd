//! Any text as a rule or formula: parsed, checked, printed, evaluated in memory and by SQLite.
//!
//! The first byte says where the text stands (see [`scope`]). What the checker lets through means
//! the same when it is printed and parsed again, specialised for a caller, and asked as SQL.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use call::{Caller, CallerKind, Change, Outcome, Request};
use expr::caller::read_claim;
use expr::explain::{SchemaNames, print};
use expr::ir::{Claim, Node};
use expr::walk::same;
use expr::{CallerValues, Condition, Env, EvalError, Expr, Guest, Lookup, Record, Scope};
use model::{Action, Model};
use serde_json::{Value as Json, json};
use store::{Dialect, Output, Prepared, Select, StoreError, layout, select, write};
use value::{FieldId, ResourceId, Type, Value};

use super::app::{App, NOW, wait};
use super::contract_yaml;
use super::names::ModelNames;

pub fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    let world = &*WORLD;
    let scope = scope(world, *first);
    let names = ModelNames(&world.model);
    let (expr, problems) = expr::check(&text, &scope, &names);
    for problem in &problems {
        assert!(
            text.get(problem.at.clone()).is_some(),
            "{text:?} {problem:?}"
        );
        assert!(
            contract::codes::explain(problem.code).is_some(),
            "{problem:?}"
        );
    }
    let Some(expr) = expr else { return };
    assert!(problems.is_empty());

    let printed = print(&expr, &SchemaNames(&names));
    if printed.len() <= expr::ast::SOURCE_BYTES_MAX {
        let (again, problems) = expr::check(&printed, &scope, &names);
        let again = again.unwrap_or_else(|| panic!("{text:?}\n{printed:?}\n{problems:?}"));
        assert!(same(&expr, &again), "{text:?}\n{printed:?}");
    }
    let Some(resource) = scope.this else {
        return in_memory(&text, &expr, &scope);
    };
    if scope.mode == expr::Mode::Formula {
        in_memory(&text, &expr, &scope);
    } else if scope.expected == Type::Bool {
        rule(world, &text, &expr, resource, scope.next);
    } else {
        computed(world, &text, &expr, resource);
    }
}

/// Where the text stands.
fn scope(world: &World, letter: u8) -> Scope {
    let of = |name: &str| {
        world
            .model
            .resource_named(name)
            .expect("a resource of the contract")
            .id
    };
    let task = of("Task");
    match letter {
        b'n' => Scope {
            next: true,
            ..Scope::rule(Some(task))
        },
        b'l' => Scope::rule(Some(of("List"))),
        b'u' => Scope::rule(Some(of("User"))),
        b'w' => Scope::rule(None),
        b'i' => Scope::computed(of("List"), Type::Int64, true),
        b't' => Scope::computed(task, Type::Text, true),
        b'd' => Scope::computed(task, Type::Decimal, true),
        b'f' => Scope::computed(task, Type::Float, true),
        b'I' => Scope::formula(None, Type::Int32, true),
        b'T' => Scope::formula(None, Type::Text, true),
        b'M' => Scope::formula(Some(task), Type::Money, true),
        b'D' => Scope::formula(Some(task), Type::Timestamp, true),
        b'L' => Scope::formula(Some(task), Type::List(Arc::new(Type::Text)), true),
        _ => Scope::rule(Some(task)),
    }
}

/// What is only ever evaluated: nothing but an answer or an error that says why.
fn in_memory(text: &str, expr: &Expr, scope: &Scope) {
    let world = &*WORLD;
    let rows = scope.this.map_or(&[][..], |resource| world.rows(resource));
    for caller in &world.callers {
        let env = world.env(&**caller, rows.first().map(|row| &row[..]), None);
        match expr::eval(expr, &env) {
            Ok(value) => assert!(
                value.is_null() || value::json::read(&expr.ty, &json_of(&expr.ty, &value)).is_ok(),
                "{text:?} is {value:?}"
            ),
            Err(EvalError::Internal(what)) => panic!("{text:?}: {what}"),
            Err(_) => {}
        }
    }
}

fn json_of(ty: &Type, value: &Value) -> Json {
    serde_json::from_str(&value::json::to_json_text(ty, value)).expect("JSON")
}

fn rule(world: &World, text: &str, rule: &Expr, resource: ResourceId, next: bool) {
    let condition = Condition::new(rule.clone());
    let names = ModelNames(&world.model);
    let sql = expr::not_sql(rule).is_empty();
    let rows = world.rows(resource);
    for caller in &world.callers {
        let caller = &**caller;
        let residual = match condition.key(caller, NOW) {
            Some(key) => condition.specialise(key),
            None => condition.specialise_for(caller, NOW),
        };
        // Every row as it is, becoming the one after it.
        let changes = rows.iter().zip(rows.iter().cycle().skip(1));
        let mut expected = vec![];
        for (this, after) in changes.clone() {
            let after = becoming(this, after);
            let env = world.env(caller, Some(this), next.then_some(&after));
            let Some(held) = held(text, expr::holds(rule, &env)) else {
                return;
            };
            let left = expr::eval::holds_specialised(&residual, &env);
            assert_eq!(Ok(held), left, "{text:?} specialised to {residual:#?}");
            let why = expr::why(rule, &env, &SchemaNames(&names));
            assert_eq!(why.held, Ok(held), "{text:?}");
            assert!(!why.to_string().is_empty());
            expected.push(held);
        }
        if !sql {
            continue;
        }
        let residual = Arc::new(residual);
        if next {
            changing(world, text, resource, &residual, caller, &expected);
        } else {
            selecting(world, text, resource, &residual, caller, &expected);
            unsaved(world, text, resource, &residual, caller, &expected);
        }
    }
}

/// The record with other values.
fn becoming(this: &[Value], after: &[Value]) -> Vec<Value> {
    let mut after = after.to_vec();
    after[0] = this[0].clone();
    after
}

/// `None`: too much to be evaluated.
fn held<T: std::fmt::Debug>(text: &str, result: Result<T, EvalError>) -> Option<T> {
    match result {
        Ok(held) => Some(held),
        Err(EvalError::TooMuch) => None,
        Err(error) => panic!("{text:?}: {error:?}"),
    }
}

/// As a filter, its opposite as a filter, and as an output.
fn selecting(
    world: &World,
    text: &str,
    resource: ResourceId,
    residual: &Arc<Expr>,
    caller: &dyn CallerValues,
    expected: &[bool],
) {
    let not = Arc::new(Expr {
        node: Node::Not(Box::new((**residual).clone())),
        ..(**residual).clone()
    });
    let id = || Output::Field(FieldId(0));
    let with = |condition: &Arc<Expr>| Select {
        outputs: vec![id()],
        restrict: vec![Arc::clone(condition)],
        ..Select::new(resource)
    };
    let holds = Select {
        outputs: vec![id(), Output::Holds(Arc::clone(residual))],
        ..Select::new(resource)
    };
    let asked = [with(residual), with(&not), holds].map(|shape| world.select(text, &shape, caller));
    let [Some(yes), Some(no), Some(all)] = asked else {
        return;
    };
    for (row, wanted) in world.rows(resource).iter().zip(expected) {
        let id = &row[0];
        let has = |rows: &[Vec<Value>]| rows.iter().any(|found| found[0] == *id);
        let told = || format!("{text:?}, row {row:?}, in memory {wanted}\n{residual:#?}");
        assert_eq!(has(&yes), *wanted, "listed: {}", told());
        assert_eq!(has(&no), !*wanted, "negated: {}", told());
        let output = all
            .iter()
            .find(|found| found[0] == *id)
            .map(|found| &found[1]);
        assert_eq!(output, Some(&Value::Bool(*wanted)), "as output: {}", told());
    }
}

/// As if each record were not stored yet.
fn unsaved(
    world: &World,
    text: &str,
    resource: ResourceId,
    residual: &Arc<Expr>,
    caller: &dyn CallerValues,
    expected: &[bool],
) {
    let prepared = write::holds_unsaved(&world.model, Dialect::Sqlite, resource, residual);
    let prepared = prepared.unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let stored = world.stored(resource);
    for (row, wanted) in world.rows(resource).iter().zip(expected) {
        let args: Vec<Value> = stored.iter().map(|at| row[*at].clone()).collect();
        if let Some(answer) = world.query(text, &prepared, &args, caller) {
            assert_eq!(
                answer,
                [[Value::Bool(*wanted)]],
                "unsaved: {text:?}, {row:?}\n{residual:#?}"
            );
        }
    }
}

/// About a stored record and what it would become.
fn changing(
    world: &World,
    text: &str,
    resource: ResourceId,
    residual: &Arc<Expr>,
    caller: &dyn CallerValues,
    expected: &[bool],
) {
    let prepared = write::holds(&world.model, Dialect::Sqlite, resource, residual);
    let prepared = prepared.unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let stored = world.stored(resource);
    let rows = world.rows(resource);
    for ((this, after), wanted) in rows.iter().zip(rows.iter().cycle().skip(1)).zip(expected) {
        let after = becoming(this, after);
        let mut args = vec![this[0].clone()];
        if prepared.args() > 1 {
            args.extend(stored.iter().map(|at| after[*at].clone()));
        }
        if let Some(answer) = world.query(text, &prepared, &args, caller) {
            assert_eq!(
                answer,
                [[Value::Bool(*wanted)]],
                "changing: {text:?}\n{this:?}\n{after:?}\n{residual:#?}"
            );
        }
    }
}

/// The value of a field.
fn computed(world: &World, text: &str, formula: &Expr, resource: ResourceId) {
    let rows = world.rows(resource);
    let mut expected = vec![];
    for this in rows {
        let value = expr::eval(formula, &world.env(&Guest, Some(this), None));
        // The contract's compiler refuses computed fields that ask about the caller.
        if matches!(value, Err(EvalError::Missing(_))) {
            return;
        }
        let Some(value) = held(text, value) else {
            return;
        };
        expected.push(value);
    }
    if !expr::not_sql_formula(formula).is_empty() {
        return;
    }
    let shape = Select {
        outputs: vec![
            Output::Field(FieldId(0)),
            Output::Formula(Arc::new(formula.clone())),
        ],
        ..Select::new(resource)
    };
    let Some(found) = world.select(text, &shape, &Guest) else {
        return;
    };
    for (row, wanted) in rows.iter().zip(&expected) {
        let found = found
            .iter()
            .find(|found| found[0] == row[0])
            .map(|found| &found[1]);
        assert!(
            found.is_some_and(|found| alike(found, wanted)),
            "{text:?}: in memory {wanted:?}, in SQL {found:?} of {row:?}"
        );
    }
}

/// Sums of floats depend on the order, in the last digits.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => {
            a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        }
        (a, b) => a == b,
    }
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// All rows, in memory and in a database.
struct World {
    app: App,
    model: Arc<Model>,
    rows: BTreeMap<ResourceId, Vec<Record>>,
    callers: Vec<Box<dyn CallerValues + Send + Sync>>,
}

struct User(Vec<(Claim, String)>);

impl CallerValues for User {
    fn signed_in(&self) -> bool {
        true
    }

    fn claim(&self, claim: &Claim) -> Option<Cow<'_, str>> {
        let found = self.0.iter().find(|(known, _)| known == claim);
        found.map(|(_, text)| text.as_str().into())
    }
}

impl World {
    fn new() -> World {
        let compiled = contract_yaml::compile(include_str!("rules.yaml"));
        let shown = diag::render::text(&compiled.sources, &compiled.found, false);
        let app = App::serve(compiled.model.unwrap_or_else(|| panic!("{shown}")));
        let mut world = World {
            model: Arc::clone(app.engine.model()),
            app,
            rows: BTreeMap::new(),
            callers: vec![],
        };
        let user = world.fill();
        let id = |id: &str| (Claim::Id, id.to_owned());
        let named = |name: &str, value: &str| (Claim::Named(name.into()), value.to_owned());
        world.callers = vec![
            Box::new(Guest),
            Box::new(User(vec![
                id(&user),
                named("name", "a"),
                named("role", "staff"),
                named("level", "3"),
                named("states", "[\"new\",\"held\"]"),
                named("until", "2022-01-08"),
            ])),
            Box::new(User(vec![id(&user), named("level", "many")])),
        ];
        world.rows = world
            .model
            .resources
            .iter()
            .map(|resource| (resource.id, world.read(resource.id)))
            .collect();
        world
    }

    /// A few rows of each, with nulls, extremes and odd characters. Gives the id of a user.
    fn fill(&self) -> String {
        let boss = self.add("User", json!({"name": "a", "role": "staff"}));
        let user = self.add("User", json!({"name": "é", "level": 3, "boss_id": boss}));
        let other = self.add(
            "User",
            json!({"name": "", "role": "banned", "level": -2_147_483_648_i64, "boss_id": user}),
        );
        self.add("Shop", json!({"id": "s1", "title": "A"}));
        self.add(
            "Shop",
            json!({"id": "s2", "title": "a%b_", "country": "DE"}),
        );
        let home = self.add(
            "List",
            json!({"name": "Home", "owner_id": user, "open": true, "shop_id": "s1"}),
        );
        let work = self.add(
            "List",
            json!({"name": "it's", "owner_id": boss, "open": false}),
        );
        let free = self.add(
            "List",
            json!({"name": "", "owner_id": other, "open": true, "shop_id": "s2"}),
        );
        self.add("Member", json!({"list_id": work, "user_id": user, "role": "editor", "rank": 4, "since": "2022-01-08"}));
        self.add(
            "Member",
            json!({"list_id": free, "user_id": user, "role": "viewer", "rank": 5}),
        );
        self.add("Member", json!({"list_id": home, "user_id": other, "role": "viewer", "rank": 0, "since": "0001-01-01"}));
        let task = |list: &str, more: Json| {
            let mut task = json!({
                "list_id": list, "title": "a", "state": "new", "done": false, "points": 0, "big": 0, "ratio": 0.0,
                "cost": "0", "day": "1970-01-01", "at": "1970-01-01T00:00:00Z",
                "code": "00000000-0000-0000-0000-000000000000", "tags": [], "days": [],
            });
            if let (Json::Object(task), Json::Object(more)) = (&mut task, more) {
                task.extend(more);
            }
            self.add("Task", task)
        };
        let first = task(&home, json!({}));
        let second = task(
            &home,
            json!({
                "title": "😀a", "note": "É", "state": "held", "done": true, "flag": false, "points": 2_147_483_647,
                "big": 9_007_199_254_740_991_i64, "huge": "9223372036854775807", "ratio": -1.5, "share": 1e300,
                "cost": "999999999999.999999", "rebate": "-0.000001", "price": {"amount": "12.50", "currency": "EUR"},
                "day": "9999-12-31", "until": "2022-01-08", "at": "9999-12-31T23:59:59.999Z", "due": "2026-09-21T14:13:20Z",
                "code": "ffffffff-ffff-ffff-ffff-ffffffffffff", "tags": ["a", "é", "a,b"], "counts": [1, -1], "days": ["2022-01-08"],
                "place": {"city": "Kiel", "zip": null, "floor": 0}, "extra": {"a": 1},
                "assignee_id": user, "parent_id": first,
            }),
        );
        let third = task(
            &work,
            json!({
                "title": "", "state": "done", "flag": true, "points": -2_147_483_648_i64, "big": -1, "huge": "-9223372036854775808",
                "ratio": 2.0, "share": -0.0, "cost": "-12.5", "rebate": "12.5", "price": {"amount": "-1", "currency": "JPY"},
                "day": "0001-01-01", "until": "9999-12-31", "at": "0001-01-01T00:00:00Z", "due": "1969-12-31T23:59:59.999Z",
                "tags": ["", "b"], "counts": [], "days": ["1970-01-01", "0001-01-01"],
                "place": {"city": "a", "zip": "24103", "floor": -3}, "assignee_id": other, "parent_id": second,
            }),
        );
        task(
            &free,
            json!({"title": "abc", "points": 7, "ratio": 0.5, "cost": "1", "assignee_id": boss, "parent_id": third, "flag": true}),
        );
        let ticket = self.add(
            "Ticket",
            json!({"label": "a", "task_id": first, "weight": 1.5}),
        );
        self.add("Ticket", json!({"label": "é", "task_id": third}));
        self.add("Ticket", json!({"label": "", "weight": -0.5}));
        task(
            &home,
            json!({"title": "e\u{301}", "ticket_id": ticket.parse::<i64>().expect("a number"), "points": -7}),
        );
        user
    }

    fn add(&self, resource: &str, body: Json) -> String {
        let resource = self
            .model
            .resource_named(resource)
            .expect("a resource of the contract");
        let Json::Object(body) = body else {
            unreachable!("all bodies are objects")
        };
        let operator = Caller {
            kind: CallerKind::Operator { id: "fuzz".into() },
            ..Caller::guest()
        };
        let request = Request {
            change: Some(Change::Whole(body)),
            ..Request::new(resource.id, Action::Create, Arc::new(operator), NOW)
        };
        match wait(self.app.engine.handle(request)) {
            Ok(Outcome::Created { id, .. }) => resource.id_type.to_text(&id),
            other => panic!("{other:?}"),
        }
    }

    /// All rows of a resource, in the order of their fields.
    fn read(&self, resource: ResourceId) -> Vec<Record> {
        let prepared = select::select(
            &self.model,
            Dialect::Sqlite,
            &Select::whole_row(&self.model, resource),
        );
        let rows = self
            .query("", &prepared.expect("plain columns"), &[], &Guest)
            .expect("small tables");
        let stored = self.stored(resource);
        rows.into_iter()
            .map(|cells| {
                let mut row = vec![Value::Null; self.model.resource(resource).fields.len()];
                for (at, cell) in stored.iter().zip(cells) {
                    row[*at] = cell;
                }
                row.into()
            })
            .collect()
    }

    fn stored(&self, resource: ResourceId) -> Vec<usize> {
        layout::stored_fields(self.model.resource(resource))
            .map(|field| usize::from(field.id.0))
            .collect()
    }

    fn rows(&self, resource: ResourceId) -> &[Record] {
        self.rows.get(&resource).map_or(&[], Vec::as_slice)
    }

    fn env<'a>(
        &'a self,
        caller: &'a dyn CallerValues,
        this: Option<&'a [Value]>,
        next: Option<&'a [Value]>,
    ) -> Env<'a> {
        Env {
            now: NOW,
            caller,
            this,
            next,
            row: None,
            input: &[],
            lookup: self,
        }
    }

    fn select(
        &self,
        text: &str,
        shape: &Select,
        caller: &dyn CallerValues,
    ) -> Option<Vec<Vec<Value>>> {
        let make = |dialect| match select::select(&self.model, dialect, shape) {
            Ok(prepared) => prepared,
            Err(error) => panic!("{text:?}: {error}"),
        };
        // The other spelling exists too.
        make(Dialect::Postgres);
        self.query(text, &make(Dialect::Sqlite), &[], caller)
    }

    /// `None`: it took too long.
    fn query(
        &self,
        text: &str,
        prepared: &Prepared,
        args: &[Value],
        caller: &dyn CallerValues,
    ) -> Option<Vec<Vec<Value>>> {
        let claims =
            |claim: &Claim, ty: &Type| read_claim(caller, claim, ty).unwrap_or(Value::Null);
        let parameters = prepared.bind(args, &claims, NOW);
        match wait(
            self.app
                .engine
                .driver()
                .query(&prepared.statement, &parameters),
        ) {
            Ok(rows) => Some(
                prepared
                    .records(rows)
                    .expect("cells of the types asked for"),
            ),
            Err(StoreError::TimedOut { .. }) => None,
            Err(error) => panic!("{text:?}: {error}\n{}", prepared.statement.text),
        }
    }
}

impl Lookup for World {
    fn one(&self, resource: ResourceId, id: &Value) -> Option<Record> {
        self.rows(resource)
            .iter()
            .find(|row| row[0] == *id)
            .cloned()
    }

    fn many(&self, resource: ResourceId, field: FieldId, id: &Value) -> Vec<Record> {
        let holds = |row: &&Record| row[usize::from(field.0)] == *id;
        self.rows(resource).iter().filter(holds).cloned().collect()
    }
}
