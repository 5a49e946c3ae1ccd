//! May this caller do this? Scope first, then the access rule.
//!
//! A rule is a filter: for a caller it is decided at once (open, closed) or it leaves a
//! condition on rows, which the store puts into the statement itself. This module knows
//! neither SQL nor how a row is found.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use call::{Caller, Code, Failure, Scopes};
use expr::ir::Node;
use expr::{CallerValues, Condition, Env, Expr, Guest, RowsRead, VariantKey};
use model::{Action, Resource, Rule};
use value::{Timestamp, Value};

use crate::caller::Claims;

/// Residuals kept per gate. Callers differ in few ways that a rule can see (guest, staff,
/// banned …); a rule that tells more of them apart is specialised anew for the rest.
const VARIANTS_MAX: usize = 64;

/// An access rule prepared for asking.
#[derive(Debug)]
pub struct Gate {
    /// As the contract states it; names the rule in refusals.
    pub text: String,
    pub condition: Condition,
    pub names_next: bool,
    /// True for everybody, known without a row: then a credential needs no scope either,
    /// since it would get less than a guest.
    open_to_guests: bool,
    variants: RwLock<HashMap<VariantKey, Verdict>>,
}

/// What a gate says to one caller.
#[derive(Clone, Debug)]
pub enum Verdict {
    Open,
    Closed,
    /// Only for rows that fulfil this.
    Rows(Residual),
}

/// What is left of a rule for a kind of caller: a condition on rows.
#[derive(Clone, Debug)]
pub struct Residual {
    pub expr: Arc<Expr>,
    /// Names the residual in statement caches; `None` when it is not worth keeping.
    pub id: Option<u64>,
}

impl Residual {
    /// Holds for no row.
    pub fn never() -> Residual {
        let expr = Expr {
            node: Node::Const(Value::Bool(false)),
            ty: value::Type::Bool,
            nullable: false,
            at: 0..0,
        };
        Residual {
            expr: Arc::new(expr),
            id: None,
        }
    }
}

impl Verdict {
    fn of(residual: Expr, keep: bool) -> Verdict {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        match residual.as_const_bool() {
            Some(true) => Verdict::Open,
            Some(false) => Verdict::Closed,
            None => Verdict::Rows(Residual {
                expr: Arc::new(residual),
                id: keep.then(|| NEXT_ID.fetch_add(1, Ordering::Relaxed)),
            }),
        }
    }
}

impl Gate {
    pub fn new(rule: &Rule) -> Gate {
        let mut gate = Gate::of_condition(rule.text.clone(), &rule.condition);
        gate.names_next = rule.names_next;
        gate
    }

    pub fn of_condition(text: String, condition: &Expr) -> Gate {
        let condition = Condition::new(condition.clone());
        let open_to_guests = match condition.constant() {
            Some(known) => known,
            None => {
                condition
                    .specialise_for(&Guest, Timestamp(0))
                    .as_const_bool()
                    == Some(true)
                    && !condition.expr().reads_now()
            }
        };
        Gate {
            text,
            condition,
            names_next: false,
            open_to_guests,
            variants: RwLock::default(),
        }
    }

    pub fn ask(&self, caller: &Caller, now: Timestamp) -> Verdict {
        if caller.is_operator() {
            return Verdict::Open;
        }
        self.ask_anybody(caller, now)
    }

    /// The same without the operator's privilege: for conditions on data, which bind everybody.
    pub fn ask_anybody(&self, caller: &Caller, now: Timestamp) -> Verdict {
        if let Some(known) = self.condition.constant() {
            return if known {
                Verdict::Open
            } else {
                Verdict::Closed
            };
        }
        let claims = Claims(caller);
        let Some(key) = self.condition.key(&claims, now) else {
            return Verdict::of(self.condition.specialise_for(&claims, now), false);
        };
        let known = |variants: &HashMap<VariantKey, Verdict>| variants.get(&key).cloned();
        if let Some(verdict) = known(&self.variants.read().unwrap_or_else(PoisonError::into_inner))
        {
            return verdict;
        }
        let mut variants = self
            .variants
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = known(&variants) {
            return verdict;
        }
        let keep = variants.len() < VARIANTS_MAX;
        let verdict = Verdict::of(self.condition.specialise(key), keep);
        if keep {
            variants.insert(key, verdict.clone());
        }
        verdict
    }
}

/// Whether one of the caller's scopes is the one for this, compared in parts: every request asks.
fn has_scope(caller: &Caller, resource: &Resource, action: Action) -> bool {
    let Scopes::Only(scopes) = &caller.scopes else {
        return true;
    };
    let verb = if action.is_read() { ".read" } else { ".write" };
    let of = |held: &String| held.strip_suffix(verb) == Some(&resource.scope);
    scopes.iter().any(of)
}

/// Scope and rule for an action on a resource, as far as they can be decided without a row.
/// For lists and gets a closed gate is not a failure but hides every row; the caller of this
/// function sees [`Verdict::Closed`] and answers accordingly.
pub fn admit(
    resource: &Resource,
    gate: Option<&Gate>,
    action: Action,
    caller: &Caller,
    now: Timestamp,
) -> Result<Verdict, Failure> {
    if caller.is_operator() {
        return Ok(Verdict::Open);
    }
    let Some(gate) = gate else {
        return Err(refuse(caller, resource, action, "nobody"));
    };
    if gate.open_to_guests {
        return Ok(Verdict::Open);
    }
    if caller.is_guest() {
        return match gate.ask(caller, now) {
            Verdict::Closed => Err(unauthenticated(resource, action)),
            verdict => Ok(verdict),
        };
    }
    if !has_scope(caller, resource, action) {
        let scope = match action.is_read() {
            true => resource.read_scope(),
            false => resource.write_scope(),
        };
        return Err(Failure {
            scope: Some(scope.as_str().into()),
            ..Failure::new(
                Code::InsufficientScope,
                format!(
                    "to {} {} the credential needs the scope `{scope}`",
                    action.name(),
                    resource.plural
                ),
            )
        });
    }
    if action.is_read() {
        return Ok(gate.ask(caller, now));
    }
    match gate.ask(caller, now) {
        // A record that the caller cannot see must answer 404, so only create is refused here.
        Verdict::Closed if action == Action::Create => {
            Err(refuse(caller, resource, action, &gate.text))
        }
        verdict => Ok(verdict),
    }
}

/// 401 for a guest, 403 with the rule for everybody else.
pub fn refuse(caller: &Caller, resource: &Resource, action: Action, rule: &str) -> Failure {
    if caller.is_guest() {
        return unauthenticated(resource, action);
    }
    Failure {
        rule: Some(rule.into()),
        ..Failure::new(
            Code::Forbidden,
            format!(
                "the rule `{rule}` does not let you {} {}",
                action.name(),
                subject(resource, action)
            ),
        )
    }
}

fn subject(resource: &Resource, action: Action) -> String {
    let noun = resource.noun();
    match action {
        Action::List => resource.nouns(),
        Action::Create => format!("a {noun}"),
        _ => format!("this {noun}"),
    }
}

fn unauthenticated(resource: &Resource, action: Action) -> Failure {
    Failure::new(
        Code::Unauthenticated,
        format!(
            "to {} {} you must sign in: send `Authorization: Bearer KEY`",
            action.name(),
            subject(resource, action)
        ),
    )
}

/// Whether a condition that reads nothing but its own row holds.
///
/// The checker and [`Expr::reads_rows`] make errors impossible but for arithmetic in formulas;
/// a condition that cannot be computed does not hold.
pub fn holds_for(
    expr: &Expr,
    caller: &dyn CallerValues,
    now: Timestamp,
    this: &[Value],
    next: Option<&[Value]>,
) -> bool {
    expr::eval::holds_specialised(
        expr,
        &Env {
            now,
            caller,
            this: Some(this),
            next,
            row: None,
            input: &[],
            lookup: &expr::eval::NoRows,
        },
    )
    .unwrap_or(false)
}

/// Can be decided from the record itself.
pub fn in_memory(expr: &Expr) -> bool {
    expr.reads_rows() <= RowsRead::Own
}
