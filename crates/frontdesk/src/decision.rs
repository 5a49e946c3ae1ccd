//! Why somebody may or may not do something: the rule, its SQL, and how it turned out.
//!
//! Asks the same conditions that the engine asks and explains the answers; it never decides for
//! anybody.

use std::borrow::Cow;
use std::sync::Arc;

use call::{Caller, RecordKey};
use expr::explain::Why;
use expr::ir::{Claim, ID, Node};
use expr::{CallerValues, Condition, Env, Expr, Lookup, Record};
use model::{Action, Model, Resource, Rule};
use store::driver::{Dialect, Driver, StoreError};
use store::select::{ByPath, Direction, Filter, Operator, Output, Select};
use store::{Prepared, Unsupported};
use tokio::runtime::Handle;
use value::{FieldId, ResourceId, Value};

use crate::clock::now;

/// One action on one resource, as this caller meets it.
#[derive(Debug)]
pub struct Decision {
    /// The rule that opens the action, as the contract states it; `None` is nobody.
    pub rule: Option<String>,
    /// The named rules it uses, and what they say: `mine`, `this.owner == user.id`.
    pub named: Vec<(String, String)>,
    /// What a credential must have been given, unless the rule is open to everybody.
    pub scope: String,
    pub has_scope: bool,
    /// Whether the caller's own values decide already.
    pub verdict: Verdict,
    /// The statement that asks the rest: the list's or record's own for reads, the question
    /// before a write otherwise.
    pub sql: Option<String>,
    /// How the rule turned out for the record that was named.
    pub why: Option<Why>,
    /// The same for the rule that lets the caller see the record, when the action is a write.
    pub seen: Option<Why>,
}

/// What can be said of a caller before any record is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The rules do not apply: an administrator.
    Operator,
    Open,
    Closed,
    /// It depends on the record.
    Rows,
}

/// Explains an action. With a `record`, also for that record, which must be given as it is
/// stored ([`row`]).
///
/// Must be called inside a runtime with several threads: rules that go over relations read the
/// database in the middle of being evaluated.
///
/// # Errors
/// When the rule has no SQL, which the compiler should have noticed.
pub fn decide(
    model: &Model,
    driver: &dyn Driver,
    resource: &Resource,
    action: Action,
    caller: &Caller,
    record: Option<&[Value]>,
) -> Result<Decision, Unsupported> {
    let rule = resource.access.rule(action);
    let scope = match action.is_read() {
        true => resource.read_scope(),
        false => resource.write_scope(),
    };
    let residual = residual(resource, action, caller);
    let verdict = verdict_of(residual.as_ref(), caller);
    let sql = match &residual {
        Some(residual) if verdict != Verdict::Closed => {
            let residual = (verdict == Verdict::Rows).then_some(residual);
            statement(model, driver.dialect(), resource, action, caller, residual)?
        }
        _ => None,
    };
    let why = |rule: &Rule| {
        let row = record?;
        Some(why_of(model, driver, rule, caller, Some(States::of(row))))
    };
    Ok(Decision {
        rule: rule.map(|rule| rule.text.clone()),
        named: rule.map_or(vec![], |rule| named(model, &rule.condition)),
        has_scope: caller.is_operator() || caller.has_scope(&scope),
        scope,
        verdict,
        sql,
        why: rule.and_then(why),
        seen: match action {
            Action::Update | Action::Replace | Action::Delete | Action::Restore => {
                resource.access.get.as_ref().and_then(why)
            }
            _ => None,
        },
    })
}

/// A record as a rule meets it: as it is, and as it would become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct States<'a> {
    pub this: &'a [Value],
    pub next: &'a [Value],
}

impl<'a> States<'a> {
    /// One about which nothing changes.
    pub fn of(row: &'a [Value]) -> States<'a> {
        States {
            this: row,
            next: row,
        }
    }
}

/// How the rule of this text turned out, which opens the action or one of the fields. Without a
/// record, what depends on one stays open ([`expr::EvalError::Internal`]).
///
/// Must be called inside a runtime with several threads, like [`decide`].
pub(crate) fn why(
    model: &Model,
    driver: &dyn Driver,
    resource: &Resource,
    action: Action,
    text: &str,
    caller: &Caller,
    record: Option<States<'_>>,
) -> Option<Why> {
    let fields = resource.fields.iter();
    let of_fields = fields.flat_map(|field| match action.is_read() {
        true => field.read.as_ref(),
        false => field.write.as_ref(),
    });
    let rule = resource
        .access
        .rule(action)
        .into_iter()
        .chain(of_fields)
        .find(|rule| rule.text == text)?;
    Some(why_of(model, driver, rule, caller, record))
}

fn why_of(
    model: &Model,
    driver: &dyn Driver,
    rule: &Rule,
    caller: &Caller,
    record: Option<States<'_>>,
) -> Why {
    let env = Env {
        now: now(),
        caller: &Claims(caller),
        this: record.map(|states| states.this),
        next: record.map(|states| states.next),
        row: None,
        input: &[],
        lookup: &Stored { model, driver },
    };
    expr::why(&rule.condition, &env, model)
}

/// What can be said of a caller before any record is looked at.
pub fn verdict(resource: &Resource, action: Action, caller: &Caller) -> Verdict {
    verdict_of(residual(resource, action, caller).as_ref(), caller)
}

fn verdict_of(residual: Option<&Expr>, caller: &Caller) -> Verdict {
    match residual.map(Expr::as_const_bool) {
        _ if caller.is_operator() => Verdict::Operator,
        None | Some(Some(false)) => Verdict::Closed,
        Some(Some(true)) => Verdict::Open,
        Some(None) => Verdict::Rows,
    }
}

/// What the rule leaves to ask of records.
fn residual(resource: &Resource, action: Action, caller: &Caller) -> Option<Expr> {
    let rule = resource.access.rule(action)?;
    let condition = Condition::new(Expr::clone(&rule.condition));
    Some(condition.specialise_for(&Claims(caller), now()))
}

/// The named rules that an expression uses, also those that they use; each once.
fn named(model: &Model, expr: &Expr) -> Vec<(String, String)> {
    fn collect(model: &Model, expr: &Expr, found: &mut Vec<(String, String)>) {
        if let Node::Rule { rule, .. } = &expr.node {
            let body = expr::explain::print(&rule.body, model);
            let entry = (rule.name.to_string(), body);
            if !found.contains(&entry) {
                found.push(entry);
                collect(model, &rule.body, found);
            }
        }
        expr.each_child(&mut |part| collect(model, part, found));
    }
    let mut found = vec![];
    collect(model, expr, &mut found);
    // The built-in ones say themselves what they are.
    found.retain(|(name, _)| !matches!(name.as_str(), "public" | "signed_in" | "nobody"));
    found
}

/// The record that an action would be about as it is stored, indexed by field: a deleted one, if
/// it is to be restored.
///
/// # Errors
/// When the database does not answer.
pub async fn row(
    model: &Model,
    driver: &dyn Driver,
    resource: ResourceId,
    action: Action,
    id: &Value,
) -> Result<Option<Vec<Value>>, StoreError> {
    let soft = model.resource(resource).soft_delete.is_some();
    let select = Select {
        by_id: true,
        deleted: soft && action == Action::Restore,
        ..Select::whole_row(model, resource)
    };
    Ok(rows(model, driver, &select, std::slice::from_ref(id))
        .await?
        .pop())
}

/// The same by what names it in a request. What cannot name a record finds none.
///
/// # Errors
/// When the database does not answer.
pub async fn row_of(
    model: &Model,
    driver: &dyn Driver,
    resource: ResourceId,
    action: Action,
    key: &RecordKey,
) -> Result<Option<Vec<Value>>, StoreError> {
    let described = model.resource(resource);
    let texts = match key {
        RecordKey::Id(text) => match described.id_type.parse(text) {
            Ok(id) => return row(model, driver, resource, action, &id).await,
            Err(_) => return Ok(None),
        },
        RecordKey::Natural(texts) => texts,
    };
    let values = model.read_path(resource, texts);
    let Some(values) = values.filter(|_| described.has_own_path()) else {
        return Ok(None);
    };
    let select = Select {
        by_path: Some(ByPath {
            around: vec![None; model.lineage(resource).len() - 1],
        }),
        deleted: described.soft_delete.is_some() && action == Action::Restore,
        ..Select::whole_row(model, resource)
    };
    Ok(rows(model, driver, &select, &values).await?.pop())
}

async fn rows(
    model: &Model,
    driver: &dyn Driver,
    select: &Select,
    arguments: &[Value],
) -> Result<Vec<Vec<Value>>, StoreError> {
    let prepared = store::select::select(model, driver.dialect(), select).map_err(|error| {
        StoreError::Internal {
            reason: error.what.to_string(),
        }
    })?;
    let found = driver
        .query(&prepared.statement, &prepared.bind_args(arguments))
        .await?;
    let resource = model.resource(select.resource);
    let rows = prepared.records(found)?.into_iter().map(|stored| {
        let mut row = vec![Value::Null; resource.fields.len()];
        for (field, value) in store::layout::stored_fields(resource).zip(stored) {
            row[usize::from(field.id.0)] = value;
        }
        row
    });
    Ok(rows.collect())
}

/// What a read selects for this caller, in the order in which it does.
fn columns(resource: &Resource, caller: &Caller) -> Vec<Output> {
    let mut outputs = vec![Output::Version, Output::Field(ID)];
    for field in &resource.fields {
        if field.id == ID || field.write_only || field.audience > caller.served_audience() {
            continue;
        }
        let seen = match &field.read {
            Some(rule) if !caller.is_operator() => {
                Condition::new(Expr::clone(&rule.condition)).specialise_for(&Claims(caller), now())
            }
            _ => Expr::constant(true),
        };
        match seen.as_const_bool() {
            Some(true) => outputs.push(Output::Field(field.id)),
            Some(false) => {}
            None => {
                outputs.push(Output::Field(field.id));
                outputs.push(Output::Holds(Arc::new(seen)));
            }
        }
    }
    outputs
}

fn statement(
    model: &Model,
    dialect: Dialect,
    resource: &Resource,
    action: Action,
    caller: &Caller,
    residual: Option<&Expr>,
) -> Result<Option<String>, Unsupported> {
    let restrict: Vec<Arc<Expr>> = residual
        .iter()
        .map(|residual| Arc::new(Expr::clone(residual)))
        .collect();
    let whole = Select {
        outputs: columns(resource, caller),
        ..Select::new(resource.id)
    };
    let prepared: Option<Prepared> = match action {
        Action::List => Some(store::select::select(
            model,
            dialect,
            &Select {
                restrict,
                sort: vec![(resource.id_field().id, Direction::Ascending)],
                limit: true,
                ..whole
            },
        )?),
        Action::Get => {
            let select = Select {
                restrict,
                by_id: true,
                ..whole
            };
            Some(store::select::select(model, dialect, &select)?)
        }
        Action::Create => match residual {
            Some(residual) => Some(store::write::holds_unsaved(
                model,
                dialect,
                resource.id,
                residual,
            )?),
            None => None,
        },
        Action::Update | Action::Replace | Action::Delete | Action::Restore => match residual {
            Some(residual) => Some(store::write::holds(model, dialect, resource.id, residual)?),
            None => None,
        },
    };
    Ok(prepared.map(|prepared| prepared.statement.text.to_string()))
}

/// Lends a [`Caller`] to the rule language.
pub(crate) struct Claims<'a>(pub &'a Caller);

impl CallerValues for Claims<'_> {
    fn signed_in(&self) -> bool {
        !self.0.is_guest()
    }

    fn claim(&self, claim: &Claim) -> Option<Cow<'_, str>> {
        self.0.claim(claim).map(Cow::Borrowed)
    }
}

/// Rows for rules that go over relations, read when they are asked for. What cannot be read is
/// not there.
struct Stored<'a> {
    model: &'a Model,
    driver: &'a dyn Driver,
}

impl Stored<'_> {
    fn read(&self, select: &Select, id: &Value) -> Vec<Record> {
        let read = rows(self.model, self.driver, select, std::slice::from_ref(id));
        let found = tokio::task::block_in_place(|| Handle::current().block_on(read));
        found
            .unwrap_or_default()
            .into_iter()
            .map(Record::from)
            .collect()
    }
}

impl Lookup for Stored<'_> {
    fn one(&self, resource: ResourceId, id: &Value) -> Option<Record> {
        let select = Select {
            by_id: true,
            ..Select::whole_row(self.model, resource)
        };
        self.read(&select, id).pop()
    }

    fn many(&self, resource: ResourceId, field: FieldId, id: &Value) -> Vec<Record> {
        let filter = Filter {
            via: None,
            field,
            operator: Operator::Eq,
            via_restrict: None,
        };
        let select = Select {
            filters: vec![filter],
            ..Select::whole_row(self.model, resource)
        };
        self.read(&select, id)
    }
}

/// The caller's rule-relevant values at a glance: `user 7, role staff`, `a guest`.
pub fn describe(caller: &Caller) -> String {
    if caller.is_operator() {
        return "an administrator".to_owned();
    }
    if caller.is_guest() {
        return "a guest".to_owned();
    }
    let mut parts = vec![match &caller.user_id {
        Some(id) => format!("user {id}"),
        None => "a caller without user".to_owned(),
    }];
    parts.extend(
        caller
            .claims
            .iter()
            .map(|(name, value)| format!("{name} {value}")),
    );
    parts.join(", ")
}
