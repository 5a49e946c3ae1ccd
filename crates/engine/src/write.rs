//! What create, update, replace and delete share inside their transaction: conditions on
//! rows, the feed entry, the answer.

use std::sync::Arc;

use call::{Cell, Code, Failure, FieldProblem, Place as At, Record, Request};
use expr::Expr;
use model::{Action, Model, Resource};
use store::Prepared;
use store::driver::{Dialect, Transaction};
use store::feed::Entry;
use store::lower::Unsupported;
use store::select::{Output, Select};
use value::{ResourceId, Timestamp, Value};

use crate::Core;
use crate::access::{Residual, Verdict, admit, holds_for, in_memory, refuse};
use crate::caller::Claims;
use crate::place::Place;
use crate::read::{Via, not_found};
use crate::statements::{Kind, ShapeKey};
use crate::view::{Source, ViewPlan};

/// A record as it lies in the table.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Indexed by field; computed fields are null.
    pub row: Vec<Value>,
    pub version: i64,
}

/// Of which row a condition is asked.
#[derive(Clone, Copy)]
pub enum Asked<'a> {
    /// One that lies in the table as `this`, perhaps with what it would become.
    Stored {
        this: &'a [Value],
        next: Option<&'a [Value]>,
    },
    /// One that is not in the table, or not yet with these values: `this` and `next` are both it.
    Unsaved(&'a [Value]),
}

/// How a condition that the database decides becomes a statement.
type Holds = fn(&Model, Dialect, ResourceId, &Expr) -> Result<Prepared, Unsupported>;
const HOLDS: Holds = store::write::holds;
const HOLDS_UNSAVED: Holds = store::write::holds_unsaved;

/// Everything a write has to ask before and after it happens, decided for this caller.
#[derive(Clone)]
pub struct Terms {
    /// As what the write is judged: a PUT that creates is a create.
    action: Action,
    /// May the caller see the record at all? If not it is not there.
    pub visible: Verdict,
    pub allowed: Verdict,
    pub names_next: bool,
    /// `check:` of the resource with their place in it.
    checks: Vec<(usize, Verdict)>,
    pub view: Arc<ViewPlan>,
}

impl Core {
    /// Whether the caller may try this at all, and what is still to be asked then.
    pub fn terms(&self, request: &Request, action: Action) -> Result<Terms, Failure> {
        let resource = self.model.resource(request.resource);
        let plan = self.plans.resource(resource.id);
        let gate = plan.gate(action);
        let allowed = admit(resource, gate, action, &request.caller, request.now)?;
        let names_next = gate.is_some_and(|gate| gate.names_next);
        self.terms_given(request, action, allowed, names_next)
    }

    /// The same where it has been decided already who may.
    pub fn terms_given(
        &self,
        request: &Request,
        action: Action,
        allowed: Verdict,
        names_next: bool,
    ) -> Result<Terms, Failure> {
        let resource = self.model.resource(request.resource);
        let plan = self.plans.resource(resource.id);
        let visible = match plan.gate(Action::Get) {
            _ if request.caller.is_operator() => Verdict::Open,
            None => Verdict::Closed,
            Some(gate) => gate.ask(&request.caller, request.now),
        };
        Ok(Terms {
            action,
            visible,
            allowed,
            names_next,
            checks: plan
                .checks
                .iter()
                .map(|check| check.ask_anybody(&request.caller, request.now))
                .enumerate()
                .filter(|(_, verdict)| !matches!(verdict, Verdict::Open))
                .collect(),
            view: self.viewer(&request.caller, request.now).plan(
                &self.views,
                resource.id,
                &request.view,
            )?,
        })
    }

    /// Whether a condition holds for a row: in memory where the row itself decides, in the database
    /// where others have a say.
    pub async fn holds(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request,
        residual: &Residual,
        asked: Asked<'_>,
    ) -> Result<bool, Failure> {
        let (this, next) = match asked {
            Asked::Stored { this, next } => (this, next),
            Asked::Unsaved(row) => (row, Some(row)),
        };
        if in_memory(&residual.expr) {
            let claims = Claims(&request.caller);
            return Ok(holds_for(&residual.expr, &claims, request.now, this, next));
        }
        let resource = self.model.resource(request.resource);
        let (kind, statement) = match asked {
            Asked::Stored { .. } => (Kind::Holds, HOLDS),
            Asked::Unsaved(_) => (Kind::HoldsUnsaved, HOLDS_UNSAVED),
        };
        let key = ShapeKey::new(kind).resource(resource.id).id(residual.id);
        let prepared = self.statements.get_or_make(key, || {
            let dialect = self.driver.dialect();
            statement(&self.model, dialect, resource.id, &residual.expr)
                .map_err(|unsupported| crate::cannot_be_sql(&unsupported))
        })?;
        let mut arguments = Vec::new();
        let mut stored = next;
        if let Asked::Stored { .. } = asked {
            arguments.push(this[usize::from(resource.id_field().id.0)].clone());
            // Where the condition names `next`, which is not in the table, all its values go along.
            stored = (prepared.args() > 1).then(|| next.unwrap_or(this));
        }
        if let Some(row) = stored {
            let fields = store::layout::stored_fields(resource);
            arguments.extend(fields.map(|field| row[usize::from(field.id.0)].clone()));
        }
        let parameters = self.bind(&prepared, &arguments, request);
        self.is_true(transaction, &prepared, &parameters).await
    }

    pub async fn verdict_holds(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request,
        verdict: &Verdict,
        this: &[Value],
        next: Option<&[Value]>,
    ) -> Result<bool, Failure> {
        match verdict {
            Verdict::Open => Ok(true),
            Verdict::Closed => Ok(false),
            Verdict::Rows(residual) => {
                let asked = Asked::Stored { this, next };
                self.holds(transaction, request, residual, asked).await
            }
        }
    }

    /// Refuses the write unless its rule holds for the record.
    pub async fn require_allowed(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request,
        terms: &Terms,
        this: &[Value],
        next: Option<&[Value]>,
    ) -> Result<(), Failure> {
        let allowed = &terms.allowed;
        match self
            .verdict_holds(transaction, request, allowed, this, next)
            .await?
        {
            true => Ok(()),
            false => Err(self.refused(request, terms)),
        }
    }

    /// The refusal by the rule of the write.
    pub fn refused(&self, request: &Request, terms: &Terms) -> Failure {
        let resource = self.model.resource(request.resource);
        let gate = self.plans.resource(resource.id).gate(terms.action);
        let rule = gate.map_or("nobody", |gate| gate.text.as_str());
        refuse(&request.caller, resource, terms.action, rule)
    }

    /// Refuses a row that breaks a check which its own values decide.
    pub fn require_own_checks(
        &self,
        request: &Request,
        terms: &Terms,
        row: &[Value],
    ) -> Result<(), Failure> {
        let problems = self.own_checks(request, terms, row);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Failure::with_problems(Code::Invalid, problems))
        }
    }

    /// The record to change, locked against everybody else, or 404.
    pub async fn current(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request,
        terms: &Terms,
        place: &Place,
    ) -> Result<Stored, Failure> {
        self.stored(transaction, request, terms, place, false).await
    }

    /// The same, or of what has been deleted softly.
    pub async fn stored(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request,
        terms: &Terms,
        place: &Place,
        deleted: bool,
    ) -> Result<Stored, Failure> {
        let resource = self.model.resource(request.resource);
        let key = place
            .key(Kind::Current)
            .resource(resource.id)
            .number(u64::from(deleted));
        let prepared = self.statements.get_or_make(key, || {
            let mut select = place.select(Select {
                lock: true,
                deleted,
                ..Select::whole_row(&self.model, resource.id)
            });
            if deleted {
                select.outputs.insert(0, Output::DeletedAt);
            }
            self.select(&select)
        })?;
        let parameters = self.bind(&prepared, place.arguments(), request);
        let rows = self
            .rows(&mut Via::Inside(transaction), &prepared, &parameters)
            .await?;
        let Some(mut values) = rows.into_iter().next() else {
            return Err(not_found(resource, request));
        };
        if deleted && !is_kept(resource, &values.remove(0), request.now) {
            return Err(not_found(resource, request));
        }
        let Some(Value::Int(version)) = values.pop() else {
            return Err(Failure::internal("a record has no version"));
        };
        let mut row = vec![Value::Null; resource.fields.len()];
        for (field, value) in store::layout::stored_fields(resource).zip(values) {
            row[usize::from(field.id.0)] = value;
        }
        let stored = Stored { row, version };
        if !self
            .verdict_holds(transaction, request, &terms.visible, &stored.row, None)
            .await?
        {
            return Err(not_found(resource, request));
        }
        Ok(stored)
    }

    /// `If-Match` and its like, after access has been granted (RFC 9110 §13.2.1).
    pub fn precondition(&self, request: &Request, stored: &Stored) -> Result<(), Failure> {
        let resource = self.model.resource(request.resource);
        let precondition = &request.precondition;
        if resource.concurrency == model::Concurrency::Required && !precondition.names_state() {
            return Err(Failure::new(
                Code::PreconditionRequired,
                format!(
                    "{} are only changed with `If-Match`: read the record, and send its ETag",
                    resource.plural
                ),
            ));
        }
        if precondition.absent {
            return Err(Failure::new(Code::Stale, "there is such a record already"));
        }
        match precondition.versions.as_deref() {
            Some([]) => Err(Failure::new(
                Code::Stale,
                "`If-Match` names no version of a record: send the ETag as it was answered, with \
                 its quotes and without `W/`",
            )),
            Some(versions) if !versions.contains(&stored.version) => Err(Failure::new(
                Code::Stale,
                "the record has another ETag by now: read it again, decide again, and send the \
                 new one",
            )),
            _ => Ok(()),
        }
    }

    /// The checks of the resource that a row breaks, as far as its own values decide.
    fn own_checks(&self, request: &Request, terms: &Terms, row: &[Value]) -> Vec<FieldProblem> {
        let resource = self.model.resource(request.resource);
        terms
            .checks
            .iter()
            .filter(|(_, verdict)| match verdict {
                Verdict::Open => false,
                Verdict::Closed => true,
                Verdict::Rows(residual) => {
                    in_memory(&residual.expr)
                        && !holds_for(
                            &residual.expr,
                            &Claims(&request.caller),
                            request.now,
                            row,
                            Some(row),
                        )
                }
            })
            .map(|(index, _)| broken_check(resource, *index))
            .collect()
    }

    /// The other checks, once the row lies in the table.
    pub async fn related_checks(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request,
        terms: &Terms,
        row: &[Value],
    ) -> Result<(), Failure> {
        let resource = self.model.resource(request.resource);
        let mut problems = Vec::new();
        for (index, verdict) in &terms.checks {
            let asked = Asked::Stored {
                this: row,
                next: None,
            };
            if let Verdict::Rows(residual) = verdict
                && !in_memory(&residual.expr)
                && !self.holds(transaction, request, residual, asked).await?
            {
                problems.push(broken_check(resource, *index));
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Failure::with_problems(Code::Invalid, problems))
        }
    }

    /// The feed entry of a change, in the same transaction.
    pub async fn publish(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request,
        action: Action,
        before: Option<&Stored>,
        after: Option<&Stored>,
    ) -> Result<(), Failure> {
        let resource = self.model.resource(request.resource);
        let of = after
            .or(before)
            .ok_or_else(|| Failure::internal("a change without a record"))?;
        // A delete that can be restored is a version of its own.
        let softly = action == Action::Delete && resource.soft_delete.is_some();
        let version = of.version + i64::from(softly);
        let json = |stored: &Stored| store::json::write_record(resource, &stored.row);
        let id = &of.row[usize::from(resource.id_field().id.0)];
        let entry = Entry {
            position: 0,
            resource: resource.name.clone(),
            record: resource.id_type.to_text(id),
            action: action.name().to_owned(),
            version,
            at: request.now,
            caller: Some(request.caller.label()),
            before: before.map(json),
            after: after.map(json),
        };
        let prepared = self
            .statements
            .get_or_make(ShapeKey::new(Kind::AppendToFeed), || {
                Ok(store::feed::append(self.driver.dialect()))
            })?;
        let parameters = prepared.bind_args(&entry.args());
        transaction
            .execute_ahead(&prepared.statement, parameters)
            .await
            .map_err(|error| self.trouble(&error))
    }

    /// The record as its writer may see it, or `None` when that is not at all.
    pub async fn answer(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request,
        terms: &Terms,
        stored: &Stored,
    ) -> Result<Option<Record>, Failure> {
        if !self
            .verdict_holds(transaction, request, &terms.visible, &stored.row, None)
            .await?
        {
            return Ok(None);
        }
        if terms.view.plain {
            return Ok(Some(record_of(&terms.view, stored)));
        }
        let place = Place::Id(stored.row[0].clone());
        self.fetch(
            &mut Via::Inside(transaction),
            request,
            &terms.view,
            None,
            &place,
        )
        .await
    }
}

impl Core {
    /// [`Core::answer`] where [`Terms::asks_others`] says no.
    pub fn plain_answer(
        &self,
        request: &Request,
        terms: &Terms,
        stored: &Stored,
    ) -> Option<Record> {
        let seen = match &terms.visible {
            Verdict::Open => true,
            Verdict::Closed => false,
            Verdict::Rows(residual) => {
                let claims = Claims(&request.caller);
                holds_for(&residual.expr, &claims, request.now, &stored.row, None)
            }
        };
        seen.then(|| record_of(&terms.view, stored))
    }
}

impl Terms {
    /// Whether other records have a say in whether it is seen, checked or how it is answered.
    pub fn asks_others(&self) -> bool {
        let asks = |verdict: &Verdict| match verdict {
            Verdict::Rows(residual) => !in_memory(&residual.expr),
            Verdict::Open | Verdict::Closed => false,
        };
        !self.view.plain || asks(&self.visible) || self.checks.iter().any(|(_, check)| asks(check))
    }
}

/// Whether what was deleted then can still be restored. Once its time has passed it is gone,
/// whether or not anybody has purged it yet.
pub fn is_kept(resource: &Resource, deleted_at: &Value, now: Timestamp) -> bool {
    matches!(deleted_at, Value::Timestamp(at) if *at >= kept_since(resource, now))
}

/// What was deleted before is gone for good.
pub fn kept_since(resource: &Resource, now: Timestamp) -> Timestamp {
    let kept = resource.soft_delete.map_or(0, |kept| {
        i64::try_from(kept.as_millis()).unwrap_or(i64::MAX)
    });
    Timestamp(now.0.saturating_sub(kept))
}

/// The rule that refused a field, as a 403 (401 for guests) that names both.
/// A refusal by a rule, with the record that it has refused.
pub fn becoming(failure: Failure, row: &[Value]) -> Failure {
    Failure {
        becoming: Some(Box::new(row.to_vec())),
        ..failure
    }
}

pub fn refuse_field(request: &Request, field: &model::Field, rule: &str) -> Failure {
    let code = if request.caller.is_guest() {
        Code::Unauthenticated
    } else {
        Code::Forbidden
    };
    let detail = format!("the rule `{rule}` does not let you write `{}`", field.name);
    Failure {
        rule: Some(rule.into()),
        problems: vec![FieldProblem {
            place: At::Pointer(format!("/{}", field.name)),
            code: "forbidden",
            detail: detail.clone(),
        }],
        ..Failure::new(code, detail)
    }
}

fn broken_check(resource: &Resource, index: usize) -> FieldProblem {
    let check = &resource.checks[index];
    let pointer = check
        .at
        .map_or(String::new(), |at| format!("/{}", resource.field(at).name));
    FieldProblem {
        place: At::Pointer(pointer),
        code: "check_failed",
        detail: check.message.clone(),
    }
}

/// A record in a plain view, straight from its row.
fn record_of(view: &ViewPlan, stored: &Stored) -> Record {
    let cells = view
        .sources
        .iter()
        .map(|source| match source {
            Source::Field(field) => Cell::Value(stored.row[usize::from(field.0)].clone()),
            Source::Guarded(..) | Source::One { .. } | Source::Many { .. } => Cell::Hidden,
        })
        .collect();
    Record {
        view: Arc::clone(&view.view),
        id: stored.row[0].clone(),
        version: stored.version,
        cells,
    }
}
