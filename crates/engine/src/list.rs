//! Lists: filters, sort, pages. Every parameter is checked here, once for all doors.

pub mod condition;
mod filter;
pub mod pace;
mod question;
mod seal;
pub mod stream;

use std::sync::Arc;

use call::{Code, Failure, NestedList, Outcome, Page, Parent, Request};
use expr::ir::ID;
use model::Action;
use store::driver::{Cost, Transaction};
use store::select::{Output, Seek, Select};
use value::{FieldId, Value};

use crate::Core;
use crate::access::{Residual, Verdict, admit};
use crate::read::{Via, assemble, outputs};
use crate::statements::{Kind, ShapeKey};
use crate::view::ViewPlan;

pub use question::is_sortable;
pub use seal::question_of_children;

use question::Question;

/// Page size when none is asked for (AIP-158).
pub const PAGE_DEFAULT: u32 = 50;
/// Larger sizes are lowered to this.
pub const PAGE_MAX: u32 = 200;
/// Conditions in one request; each adds to the statement.
pub const FILTERS_MAX: usize = 100;
/// Values of one `in`.
pub const IN_MAX: usize = 100;
/// Keys of one sort, without the id that always closes it.
pub const SORT_MAX: usize = 4;
/// Characters of one `q`.
pub const WORDS_CHARS_MAX: usize = 200;

impl Core {
    pub async fn list(self: &Arc<Self>, request: &Request) -> Result<Outcome, Failure> {
        let listing = match self.listing(request).await? {
            Ok(listing) => listing,
            Err(view) => return Ok(Outcome::Page(empty(&view, request))),
        };
        let turned = self.turn(request, listing).await?;
        Ok(Outcome::Page(turned.page))
    }

    /// Checks everything there is to check about a list. The inner error is the view of a list
    /// that is empty for this caller, whatever is stored.
    async fn listing(
        self: &Arc<Self>,
        request: &Request,
    ) -> Result<Result<Listing, Arc<ViewPlan>>, Failure> {
        let resource = self.model.resource(request.resource);
        let gate = self.plans.resource(resource.id).gate(Action::List);
        let verdict = admit(resource, gate, Action::List, &request.caller, request.now)?;
        let view =
            self.viewer(&request.caller, request.now)
                .plan(&self.views, resource.id, &request.view);
        let question = self.question(resource, request);
        let (mut question, view) = Failure::both(question, view)?;
        if let Some(parent) = &request.parent {
            let (field, id) = self.parent(request, parent).await?;
            // To list by a field is to filter by it.
            self.readable_field(resource, request, resource.field(field))?;
            question.parent = Some((field, id));
        }
        question.seal = seal::seal(&self.model, resource, request, question.parent.as_ref());
        let after = match &request.query.cursor {
            None => None,
            Some(cursor) => Some(self.cursors.open(
                &question.seal,
                &question.sort_types,
                cursor,
            )?),
        };
        let restrict = match verdict {
            Verdict::Open => None,
            Verdict::Rows(residual) => Some(residual),
            Verdict::Closed => return Ok(Err(view)),
        };
        Ok(Ok(Listing {
            question,
            view,
            restrict,
            after,
        }))
    }

    /// One page, from one state of the database.
    async fn turn(
        self: &Arc<Self>,
        request: &Request,
        listing: Listing,
    ) -> Result<Turned, Failure> {
        if request.query.total || listing.view.has_relations() {
            let cost = if request.query.total {
                Cost::Long
            } else {
                Cost::Short
            };
            self.in_snapshot(cost, request, listing).await
        } else {
            self.page(&mut Via::Alone(&*self.driver), request, &listing)
                .await
        }
    }

    /// The record whose list is asked for: it must be there and readable, or there is no such
    /// list. Gives the field and value that its children share.
    pub async fn parent(
        self: &Arc<Self>,
        request: &Request,
        parent: &Parent,
    ) -> Result<(FieldId, Value), Failure> {
        let resource = self.model.resource(parent.resource);
        if resource.audience > request.caller.served_audience() {
            return Err(Failure::new(Code::NotFound, "there is nothing here"));
        }
        let no_list =
            |what: String| Failure::new(Code::NotFound, format!("{} has no {what}", resource.name));
        let field = match &parent.list {
            NestedList::Named(name) => resource
                .list_named(name)
                .map(|list| list.field)
                .ok_or_else(|| no_list(format!("list `{name}`")))?,
            NestedList::Within => {
                let within = self.model.resource(request.resource).within;
                let within = within
                    .filter(|within| within.resource == resource.id)
                    .ok_or_else(|| no_list("such records within it".to_owned()))?;
                within.field
            }
        };
        let asked = Request {
            resource: resource.id,
            action: Action::Get,
            target: Some(parent.key.clone()),
            parent: None,
            view: call::ViewRequest {
                fields: Some(vec!["id".to_owned()]),
                include: Vec::new(),
            },
            ..request.clone()
        };
        match self.get(&asked).await? {
            Outcome::Record(record) => Ok((field, record.id)),
            _ => Err(Failure::internal(
                "a get answered something else than a record",
            )),
        }
    }

    async fn page(
        &self,
        via: &mut Via<'_>,
        request: &Request,
        listing: &Listing,
    ) -> Result<Turned, Failure> {
        let Listing {
            question,
            view,
            restrict,
            after,
        } = listing;
        let keys: Vec<Output> = question
            .sort
            .iter()
            .filter(|(field, _)| *field != ID)
            .map(|(field, _)| Output::Field(*field))
            .collect();
        // With nulls in the cursor a page continues in another way.
        let seek = after.as_ref().map_or(u64::MAX, |values| {
            values
                .iter()
                .fold(0, |nulls, value| nulls << 1 | u64::from(value.is_null()))
        });
        let key = ShapeKey::new(Kind::Page)
            .id(view.id)
            .restricted_to(restrict.as_ref())
            .number(seek);
        let prepared = self.statements.get_or_make(question.shape_key(key), || {
            self.select(&Select {
                outputs: outputs(view, &keys),
                sort: question.sort.clone(),
                seek: after.as_deref().map(Seek::after),
                limit: true,
                ..question.select(restrict.as_ref())
            })
        })?;
        let mut arguments = question.arguments();
        arguments.extend(after.iter().flatten().cloned());
        arguments.push(Value::Int(i64::from(question.page) + 1));
        let parameters = self.bind(&prepared, &arguments, request);
        let rows = self.rows(via, &prepared, &parameters).await?;
        let more = rows.len() > question.page as usize;
        let mut items = Vec::with_capacity(rows.len());
        let mut last_keys = Vec::new();
        for row in rows.into_iter().take(question.page as usize) {
            let (record, keys) = assemble(view, row);
            last_keys = keys;
            items.push(record);
        }
        if let (Some(last), Some(at)) = (
            items.last(),
            question.sort.iter().position(|(field, _)| *field == ID),
        ) {
            last_keys.insert(at, last.id.clone());
        }
        self.include(via, request, view, &mut items).await?;
        let total = match request.query.total {
            true => Some(self.total(via, request, listing).await?),
            false => None,
        };
        let page = Page {
            view: Arc::clone(&view.view),
            items,
            next_cursor: more.then(|| {
                self.cursors
                    .seal(&question.seal, &question.sort_types, &last_keys)
            }),
            total,
        };
        Ok(Turned {
            page,
            after: more.then_some(last_keys),
        })
    }

    async fn total(
        &self,
        via: &mut Via<'_>,
        request: &Request,
        listing: &Listing,
    ) -> Result<u64, Failure> {
        let Listing {
            question, restrict, ..
        } = listing;
        let key = ShapeKey::new(Kind::Total)
            .resource(question.resource)
            .restricted_to(restrict.as_ref());
        let prepared = self.statements.get_or_make(question.shape_key(key), || {
            self.select(&Select {
                count: true,
                ..question.select(restrict.as_ref())
            })
        })?;
        let parameters = self.bind(&prepared, &question.arguments(), request);
        let rows = self.rows(via, &prepared, &parameters).await?;
        match rows.first().and_then(|row| row.first()) {
            Some(Value::Int(total)) => Ok(u64::try_from(*total).unwrap_or(0)),
            _ => Err(Failure::internal("a count answered no number")),
        }
    }
}

/// A page, and the sort keys of its last record if there are more.
struct Turned {
    page: Page,
    after: Option<Vec<Value>>,
}

#[derive(Clone)]
struct Listing {
    question: Question,
    view: Arc<ViewPlan>,
    restrict: Option<Residual>,
    after: Option<Vec<Value>>,
}

impl crate::work::Reading for Listing {
    type Found = Turned;

    async fn read(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Turned, Failure> {
        core.page(&mut Via::Inside(transaction), request, self)
            .await
    }
}

fn empty(view: &ViewPlan, request: &Request) -> Page {
    Page {
        view: Arc::clone(&view.view),
        items: Vec::new(),
        next_cursor: None,
        total: request.query.total.then_some(0),
    }
}
