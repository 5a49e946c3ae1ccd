//! Reading records by id, and the pieces that every reading action shares: which columns a
//! view needs, and how a row becomes a record.

use std::sync::Arc;

use call::{Cell, Code, Failure, Outcome, Record, RecordKey, Request};
use expr::ir::ID;
use model::{Action, Resource};
use store::Prepared;
use store::driver::{Cost, Driver, Transaction};
use store::select::{Output, Select};
use value::Value;

use crate::Core;
use crate::access::{Residual, Verdict, admit};
use crate::place::Place;
use crate::statements::Kind;
use crate::view::{Source, ViewPlan};

/// Where statements run: on their own, or inside a snapshot or transaction.
pub enum Via<'a> {
    Alone(&'a dyn Driver),
    Inside(&'a mut dyn Transaction),
}

impl Core {
    pub async fn get(self: &Arc<Self>, request: &Request) -> Result<Outcome, Failure> {
        let resource = self.model.resource(request.resource);
        let gate = self.plans.resource(resource.id).gate(Action::Get);
        let verdict = admit(resource, gate, Action::Get, &request.caller, request.now)?;
        let view = self.viewer(&request.caller, request.now).plan(
            &self.views,
            resource.id,
            &request.view,
        )?;
        let place = self.target(resource, request)?;
        let restrict = match verdict {
            Verdict::Open => None,
            Verdict::Rows(residual) => Some(residual),
            Verdict::Closed => return Err(not_found(resource, request)),
        };
        let record = if view.has_relations() {
            let job = Fetch {
                place,
                view,
                restrict,
            };
            self.in_snapshot(Cost::Short, request, job).await?
        } else {
            self.fetch(
                &mut Via::Alone(&*self.driver),
                request,
                &view,
                restrict.as_ref(),
                &place,
            )
            .await?
        };
        record
            .map(Outcome::Record)
            .ok_or_else(|| not_found(resource, request))
    }

    /// One record as the caller sees it, or `None` when there is none to be seen.
    pub async fn fetch(
        &self,
        via: &mut Via<'_>,
        request: &Request,
        view: &Arc<ViewPlan>,
        restrict: Option<&Residual>,
        place: &Place,
    ) -> Result<Option<Record>, Failure> {
        let key = place.key(Kind::Fetch).id(view.id).restricted_to(restrict);
        let prepared = self.statements.get_or_make(key, || {
            self.select(
                &place.select(Select {
                    outputs: outputs(view, &[]),
                    restrict: restrict
                        .iter()
                        .map(|residual| Arc::clone(&residual.expr))
                        .collect(),
                    ..Select::new(view.view.resource)
                }),
            )
        })?;
        let parameters = self.bind(&prepared, place.arguments(), request);
        let rows = self.rows(via, &prepared, &parameters).await?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        let mut records = vec![assemble(view, row).0];
        self.include(via, request, view, &mut records).await?;
        Ok(records.pop())
    }

    /// Runs a reading statement: the outputs of each row.
    pub async fn rows(
        &self,
        via: &mut Via<'_>,
        prepared: &Prepared,
        parameters: &[Value],
    ) -> Result<Vec<Vec<Value>>, Failure> {
        let rows = match via {
            Via::Alone(driver) => driver.query(&prepared.statement, parameters).await,
            Via::Inside(transaction) => transaction.query(&prepared.statement, parameters).await,
        };
        rows.and_then(|rows| prepared.records(rows))
            .map_err(|error| self.trouble(&error))
    }

    /// Runs a statement that answers yes or no. No row at all is a no.
    pub async fn is_true(
        &self,
        transaction: &mut dyn Transaction,
        prepared: &Prepared,
        parameters: &[Value],
    ) -> Result<bool, Failure> {
        let rows = self
            .rows(&mut Via::Inside(transaction), prepared, parameters)
            .await?;
        let answer = rows.first().and_then(|row| row.first());
        Ok(answer == Some(&Value::Bool(true)))
    }
}

struct Fetch {
    place: Place,
    view: Arc<ViewPlan>,
    restrict: Option<Residual>,
}

impl crate::work::Reading for Fetch {
    type Found = Option<Record>;

    async fn read(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Option<Record>, Failure> {
        core.fetch(
            &mut Via::Inside(transaction),
            request,
            &self.view,
            self.restrict.as_ref(),
            &self.place,
        )
        .await
    }
}

pub fn not_found(resource: &Resource, request: &Request) -> Failure {
    missing(resource, request.target.as_ref())
}

/// There is no such record, or none to be seen.
pub fn missing(resource: &Resource, key: Option<&RecordKey>) -> Failure {
    let noun = resource.noun();
    let name = key.map(RecordKey::name).unwrap_or_default();
    Failure::new(
        Code::NotFound,
        format!("there is no {noun} `{name}`, or you may not see it"),
    )
}

/// The columns a view needs: version and id first, then what each source needs, then `extra`,
/// in which the id need not stand again.
pub fn outputs(plan: &ViewPlan, extra: &[Output]) -> Vec<Output> {
    let mut outputs = Vec::with_capacity(2 + plan.sources.len() + extra.len());
    outputs.push(Output::Version);
    outputs.push(Output::Field(ID));
    for source in &plan.sources {
        match source {
            Source::Field(ID) => {}
            Source::Field(field) => outputs.push(Output::Field(*field)),
            Source::Guarded(field, residual) => {
                outputs.push(Output::Field(*field));
                outputs.push(Output::Holds(Arc::clone(&residual.expr)));
            }
            Source::One { via, seen, .. } => {
                outputs.push(Output::Field(*via));
                if let Some(residual) = seen {
                    outputs.push(Output::Holds(Arc::clone(&residual.expr)));
                }
            }
            Source::Many { .. } => {}
        }
    }
    outputs.extend_from_slice(extra);
    outputs
}

/// A record from the values of [`outputs`], and the values of the extra outputs.
///
/// Included records are not there yet: a to-one relation holds the id it leads to, a list
/// nothing. [`Core::include`] puts them in.
pub fn assemble(plan: &ViewPlan, values: Vec<Value>) -> (Record, Vec<Value>) {
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or(Value::Null);
    let version = match next() {
        Value::Int(version) => version,
        _ => 0,
    };
    let id = next();
    let cells = plan
        .sources
        .iter()
        .map(|source| match source {
            Source::Field(ID) => Cell::Value(id.clone()),
            Source::Field(_) | Source::One { seen: None, .. } => Cell::Value(next()),
            Source::One { .. } => {
                let id = next();
                let seen = next() == Value::Bool(true);
                Cell::Value(if seen { id } else { Value::Null })
            }
            Source::Guarded(..) => {
                let value = next();
                if next() == Value::Bool(true) {
                    Cell::Value(value)
                } else {
                    Cell::Hidden
                }
            }
            Source::Many { .. } => Cell::Hidden,
        })
        .collect();
    let record = Record {
        view: Arc::clone(&plan.view),
        id,
        version,
        cells,
    };
    (record, values.collect())
}
