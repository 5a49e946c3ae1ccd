//! Lists: filters, sort, pages. Every parameter is checked here, once for all doors.

mod condition;
pub mod stream;

use std::sync::Arc;

use call::{
    Code, Failure, FieldProblem, Filter, NestedList, Operand, Operator, Outcome, Page, Parent,
    Place, Request,
};
use model::{Action, Field, Model, Resource};
use store::driver::{Cost, Transaction};
use store::select::{self, Direction, Output, Seek, Select};
use value::{FieldId, ResourceId, Type, Value};

use crate::Core;
use crate::access::{Residual, Verdict, admit};
use crate::read::{Via, assemble, outputs};
use crate::statements::{Kind, ShapeKey};
use crate::view::ViewPlan;

/// Page size when none is asked for (AIP-158).
pub const PAGE_DEFAULT: u32 = 50;
/// Larger sizes are lowered to this.
pub const PAGE_MAX: u32 = 200;
/// Conditions in one request; each adds to the statement.
const FILTERS_MAX: usize = 100;
/// Values of one `in`.
const IN_MAX: usize = 100;
/// Keys of one sort, without the id that always closes it.
const SORT_MAX: usize = 4;
/// Characters of one `q`.
const WORDS_CHARS_MAX: usize = 200;

/// A filter, checked.
struct Leaf {
    filter: select::Filter,
    values: Vec<Value>,
    /// What the statement depends on.
    shape: [Option<u64>; 2],
}

/// A list request, checked: what to select and with which values.
#[derive(Clone)]
struct Question {
    resource: ResourceId,
    parent: Option<(FieldId, Value)>,
    filters: Vec<select::Filter>,
    /// Filters with OR and NOT.
    matching: Option<select::Where>,
    /// Ids of the filters' residuals and their shapes, for the statement cache.
    shape: Vec<Option<u64>>,
    /// Values of the filters, of those in `matching`, then the words of `q`.
    values: Vec<Value>,
    words: u16,
    /// With the id at the end.
    sort: Vec<(FieldId, Direction)>,
    sort_types: Vec<Type>,
    page: u32,
    /// What a cursor is bound to.
    seal: Vec<u8>,
}

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
        question.seal = seal(&self.model, resource, request, question.parent.as_ref());
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
            let (record, extra) = assemble(view, row);
            items.push(record);
            last_keys = extra;
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

    fn question(&self, resource: &Resource, request: &Request) -> Result<Question, Failure> {
        let query = &request.query;
        let mut problems = query.unreadable.clone();
        let mut question = Question {
            resource: resource.id,
            parent: None,
            filters: Vec::new(),
            matching: None,
            shape: Vec::new(),
            values: Vec::new(),
            words: 0,
            sort: Vec::new(),
            sort_types: Vec::new(),
            page: query.limit.unwrap_or(PAGE_DEFAULT).min(PAGE_MAX),
            seal: Vec::new(),
        };
        if question.page == 0 {
            problems.push(fault(
                "limit",
                "too_small",
                "`limit` must be at least 1".to_owned(),
            ));
        }
        if query.filters.len() > FILTERS_MAX {
            problems.push(at(
                &query.filters[FILTERS_MAX].place,
                "too_many",
                format!("{} filters; the most is {FILTERS_MAX}", query.filters.len()),
            ));
        }
        for filter in query.filters.iter().take(FILTERS_MAX) {
            if let Some(leaf) = self.filter(resource, request, filter, &mut problems)? {
                question.shape.extend(leaf.shape);
                question.values.extend(leaf.values);
                question.filters.push(leaf.filter);
            }
        }
        if let Some(condition) = &query.condition {
            self.condition(resource, request, condition, &mut question, &mut problems)?;
        }
        if let Some(words) = &query.words {
            search(resource, words, &mut question, &mut problems);
        }
        self.sort(resource, request, &mut question, &mut problems)?;
        if !problems.is_empty() {
            return Err(Failure::with_problems(Code::Malformed, problems));
        }
        Ok(question)
    }

    /// One filter, or why it is none.
    fn filter(
        &self,
        resource: &Resource,
        request: &Request,
        filter: &Filter,
        problems: &mut Vec<FieldProblem>,
    ) -> Result<Option<Leaf>, Failure> {
        let (target, via, via_restrict) = match &filter.relation {
            None => (resource, None, Verdict::Open),
            Some(name) => {
                let relation = resource
                    .relation_named(name)
                    .filter(|field| is_served_relation(&self.model, request, field))
                    .and_then(|field| field.relation().map(|(_, target)| (field.id, target)));
                let Some((via, target)) = relation else {
                    problems.push(unknown(&self.model, resource, request, filter));
                    return Ok(None);
                };
                let target = self.model.resource(target);
                self.readable_field(resource, request, resource.field(via))?;
                let gate = self.plans.resource(target.id).gate(Action::Get);
                let verdict = admit(target, gate, Action::Get, &request.caller, request.now)?;
                (target, Some(via), verdict)
            }
        };
        let field = target
            .field_named(&filter.field)
            .filter(|field| field.indexed && field.audience <= request.caller.served_audience());
        let Some(field) = field else {
            problems.push(unknown(&self.model, resource, request, filter));
            return Ok(None);
        };
        self.readable_field(target, request, field)?;
        if !filter
            .operator
            .applies_to(&field.shape.ty, field.shape.nullable)
        {
            let allowed: Vec<&str> = Operator::ALL
                .into_iter()
                .filter(|operator| operator.applies_to(&field.shape.ty, field.shape.nullable))
                .map(Operator::name)
                .collect();
            problems.push(at(
                &filter.place,
                "operator_not_allowed",
                format!(
                    "`{}` cannot be asked of `{}`; it takes {}",
                    filter.operator.name(),
                    field.name,
                    allowed.join(", ")
                ),
            ));
            return Ok(None);
        }
        let Some((operator, values)) = operands(filter, &field.shape.ty, problems) else {
            return Ok(None);
        };
        let residual = match via_restrict {
            Verdict::Open => None,
            Verdict::Rows(residual) => Some(residual),
            // None of the relation's records may be read, so none fulfils anything.
            Verdict::Closed => Some(Residual::never()),
        };
        let sight = match &residual {
            None => Some(0),
            Some(residual) => residual.id,
        };
        Ok(Some(Leaf {
            shape: [Some(shape_number(via, field.id, operator)), sight],
            values,
            filter: select::Filter {
                via,
                field: field.id,
                operator,
                via_restrict: residual.map(|residual| residual.expr),
            },
        }))
    }

    fn readable_field(
        &self,
        resource: &Resource,
        request: &Request,
        field: &Field,
    ) -> Result<(), Failure> {
        let plan = self.plans.resource(resource.id);
        plan.may_ask_about(field, &request.caller, request.now)
    }

    fn sort(
        &self,
        resource: &Resource,
        request: &Request,
        question: &mut Question,
        problems: &mut Vec<FieldProblem>,
    ) -> Result<(), Failure> {
        let keys = &request.query.sort;
        if keys.len() > SORT_MAX {
            problems.push(fault(
                "sort",
                "too_many",
                format!("{} keys; the most is {SORT_MAX}", keys.len()),
            ));
            return Ok(());
        }
        for key in keys {
            let field = resource.field_named(&key.field).filter(|field| {
                is_sortable(field) && field.audience <= request.caller.served_audience()
            });
            let Some(field) = field else {
                let known: Vec<&str> = resource
                    .fields
                    .iter()
                    .filter(|field| {
                        is_sortable(field) && field.audience <= request.caller.served_audience()
                    })
                    .map(|field| field.name.as_str())
                    .collect();
                problems.push(fault(
                    "sort",
                    "not_sortable",
                    format!(
                        "cannot sort by `{}`; {} sorts by {}",
                        key.field,
                        resource.name,
                        known.join(", ")
                    ),
                ));
                continue;
            };
            self.readable_field(resource, request, field)?;
            if question.sort.iter().any(|(known, _)| *known == field.id) {
                problems.push(fault(
                    "sort",
                    "repeated",
                    format!("`{}` stands twice in the sort", key.field),
                ));
                continue;
            }
            let direction = if key.descending {
                Direction::Descending
            } else {
                Direction::Ascending
            };
            question.sort.push((field.id, direction));
            question.sort_types.push(field.shape.ty.clone());
        }
        let id = resource.id_field();
        if !question.sort.iter().any(|(known, _)| *known == id.id) {
            // The direction of the last key, so that one index serves the sort both ways.
            let direction = question
                .sort
                .last()
                .map_or(Direction::Ascending, |(_, direction)| *direction);
            question.sort.push((id.id, direction));
            question.sort_types.push(id.shape.ty.clone());
        }
        Ok(())
    }
}

impl Question {
    fn select(&self, restrict: Option<&Residual>) -> Select {
        Select {
            parent: self.parent.as_ref().map(|(field, _)| *field),
            filters: self.filters.clone(),
            matching: self.matching.clone(),
            words: self.words,
            restrict: restrict
                .iter()
                .map(|residual| Arc::clone(&residual.expr))
                .collect(),
            ..Select::new(self.resource)
        }
    }

    fn arguments(&self) -> Vec<Value> {
        let parent = self.parent.iter().map(|(_, id)| id);
        parent.chain(&self.values).cloned().collect()
    }

    fn shape_key(&self, key: ShapeKey) -> ShapeKey {
        let parent = self.parent.as_ref();
        let key = key
            .number(parent.map_or(u64::MAX, |(field, _)| u64::from(field.0)))
            .number(u64::from(self.words))
            .numbers(self.sort.iter().map(|(field, direction)| {
                u64::from(field.0) << 1 | u64::from(*direction == Direction::Descending)
            }));
        self.shape.iter().fold(key, |key, part| key.id(*part))
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

/// Indexed, and of a type that has an order.
pub fn is_sortable(field: &Field) -> bool {
    field.indexed
        && field.is_stored()
        && !matches!(
            field.shape.ty,
            Type::Money | Type::List(_) | Type::Object(_) | Type::Json
        )
}

fn operands(
    filter: &Filter,
    ty: &Type,
    problems: &mut Vec<FieldProblem>,
) -> Option<(select::Operator, Vec<Value>)> {
    let mut read = |ty: &Type, operand: &Operand, place: &Place| {
        let result = match operand {
            Operand::Text(text) => value::text::parse(ty, text).map_err(|mismatch| vec![mismatch]),
            Operand::Json(json) => value::json::read(ty, json),
        };
        result
            .map_err(|mismatches| {
                problems.extend(
                    mismatches
                        .into_iter()
                        .map(|mismatch| at(place, mismatch.code, mismatch.detail)),
                );
            })
            .ok()
    };
    use select::Operator as To;
    let mut one = |operator: To| {
        let value = read(ty, &filter.operand, &filter.place);
        value.map(|value| (operator, vec![value]))
    };
    match filter.operator {
        Operator::Eq => one(To::Eq),
        Operator::Ne => one(To::Ne),
        Operator::Lt => one(To::Lt),
        Operator::Lte => one(To::Lte),
        Operator::Gt => one(To::Gt),
        Operator::Gte => one(To::Gte),
        Operator::Contains => one(To::Contains),
        Operator::StartsWith => one(To::StartsWith),
        Operator::IsNull => match read(&Type::Bool, &filter.operand, &filter.place)? {
            Value::Bool(wanted) => Some((To::IsNull(wanted), Vec::new())),
            _ => None,
        },
        Operator::In => {
            let parts: Vec<(Operand, Place)> = match &filter.operand {
                Operand::Text(text) => split_list(text)
                    .into_iter()
                    .map(|part| (Operand::Text(part), filter.place.clone()))
                    .collect(),
                Operand::Json(serde_json::Value::Array(items)) => items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| {
                        (Operand::Json(item.clone()), within(&filter.place, index))
                    })
                    .collect(),
                Operand::Json(_) => {
                    let detail = "`in` takes a list".to_owned();
                    problems.push(at(&filter.place, "wrong_type", detail));
                    return None;
                }
            };
            if parts.len() > IN_MAX {
                problems.push(at(
                    &filter.place,
                    "too_many",
                    format!("{} values; the most is {IN_MAX}", parts.len()),
                ));
                return None;
            }
            let values: Vec<Option<Value>> = parts
                .iter()
                .map(|(part, place)| read(ty, part, place))
                .collect();
            let values: Vec<Value> = values.into_iter().collect::<Option<_>>()?;
            let count = u16::try_from(values.len()).unwrap_or(u16::MAX);
            Some((To::In(count), values))
        }
    }
}

/// The place of an item of what stands at `place`.
fn within(place: &Place, index: usize) -> Place {
    match place {
        Place::Pointer(pointer) => Place::Pointer(format!("{pointer}/{index}")),
        other => other.clone(),
    }
}

/// `a,b` is two; a comma or backslash that belongs to a value has a backslash before it.
fn split_list(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ',' => parts.push(String::new()),
            '\\' => parts
                .last_mut()
                .expect("there is one from the start")
                .extend(chars.next()),
            c => parts
                .last_mut()
                .expect("there is one from the start")
                .push(c),
        }
    }
    parts
}

fn search(
    resource: &Resource,
    text: &str,
    question: &mut Question,
    problems: &mut Vec<FieldProblem>,
) {
    if resource.search.is_empty() {
        problems.push(fault(
            "q",
            "not_searchable",
            format!("{} has no search", resource.name),
        ));
        return;
    }
    if text.chars().count() > WORDS_CHARS_MAX {
        problems.push(fault(
            "q",
            "too_long",
            format!("the most is {WORDS_CHARS_MAX} characters"),
        ));
        return;
    }
    let words = store::search::words(text);
    question.words = u16::try_from(words.len()).unwrap_or(0);
    question.values.extend(words.into_iter().map(Value::Text));
}

/// Whether a relation and the records it leads to are there for this caller.
fn is_served_relation(model: &Model, request: &Request, field: &Field) -> bool {
    let audience = request.caller.served_audience();
    field.audience <= audience
        && field
            .relation()
            .is_some_and(|(_, target)| model.resource(target).audience <= audience)
}

fn unknown(model: &Model, resource: &Resource, request: &Request, filter: &Filter) -> FieldProblem {
    let mut allowed: Vec<String> = Vec::new();
    if let Place::Parameter(_) = filter.place {
        allowed.push(resource.list.limit.clone());
        allowed.extend(["cursor", "sort", "fields", "include"].map(str::to_owned));
        if !resource.list.bare {
            allowed.push("total".to_owned());
        }
        if !resource.search.is_empty() {
            allowed.push("q".to_owned());
        }
    }
    let served = |field: &&Field| field.audience <= request.caller.served_audience();
    allowed.extend(
        resource
            .fields
            .iter()
            .filter(served)
            .filter(|field| field.indexed)
            .map(|field| field.name.clone()),
    );
    allowed.extend(
        resource
            .fields
            .iter()
            .filter(|field| is_served_relation(model, request, field))
            .filter_map(|field| field.relation())
            .map(|(relation, _)| format!("{relation}.FIELD")),
    );
    let exists =
        filter.relation.is_none() && resource.field_named(&filter.field).filter(served).is_some();
    let (code, why) = match &filter.place {
        _ if exists => (
            "not_filterable",
            format!(
                "`{}` cannot be filtered by: only indexed fields can",
                filter.field
            ),
        ),
        Place::Parameter(name) => (
            "unknown_parameter",
            format!("there is no parameter `{name}`"),
        ),
        Place::Pointer(_) | Place::Header(_) => (
            "unknown_field",
            match &filter.relation {
                None => format!("there is no field `{}`", filter.field),
                Some(relation) => format!("there is no field `{relation}.{}`", filter.field),
            },
        ),
    };
    at(
        &filter.place,
        code,
        format!("{why}. Allowed: {}", allowed.join(", ")),
    )
}

fn fault(parameter: &str, code: &'static str, detail: String) -> FieldProblem {
    at(&Place::Parameter(parameter.to_owned()), code, detail)
}

fn at(place: &Place, code: &'static str, detail: String) -> FieldProblem {
    FieldProblem {
        place: place.clone(),
        code,
        detail,
    }
}

fn shape_number(via: Option<FieldId>, field: FieldId, operator: select::Operator) -> u64 {
    use select::Operator as To;
    let (kind, count) = match operator {
        To::Eq => (0, 0),
        To::Ne => (1, 0),
        To::Lt => (2, 0),
        To::Lte => (3, 0),
        To::Gt => (4, 0),
        To::Gte => (5, 0),
        To::In(count) => (6, count),
        To::Contains => (7, 0),
        To::StartsWith => (8, 0),
        To::IsNull(wanted) => (9, u16::from(wanted)),
    };
    let via = via.map_or(u64::from(u16::MAX), |field| u64::from(field.0));
    via << 48 | u64::from(field.0) << 32 | u64::from(count) << 8 | kind
}

/// What a cursor is bound to: everything but the page itself.
fn seal(
    model: &Model,
    resource: &Resource,
    request: &Request,
    parent: Option<&(FieldId, Value)>,
) -> Vec<u8> {
    let query = &request.query;
    let filters: Vec<serde_json::Value> = query.filters.iter().map(filter_seal).collect();
    let sort: Vec<String> = query
        .sort
        .iter()
        .map(|key| format!("{}{}", if key.descending { "-" } else { "" }, key.field))
        .collect();
    let parent = parent.map(|(field, id)| {
        let ty = &resource.field(*field).shape.ty;
        (field.0, value::text::print(ty, id))
    });
    let rest = match &query.condition {
        None => serde_json::json!([filters, query.words, sort]),
        Some(condition) => {
            serde_json::json!([filters, query.words, sort, condition::seal(condition)])
        }
    };
    sealed(model, resource, parent, rest)
}

fn filter_seal(filter: &Filter) -> serde_json::Value {
    let operand = match &filter.operand {
        Operand::Text(text) => serde_json::Value::from(text.as_str()),
        Operand::Json(json) => serde_json::json!([json]),
    };
    serde_json::json!([
        filter.relation,
        filter.field,
        filter.operator.name(),
        operand
    ])
}

/// The question of a nested list without parameters, so that the cursor of an included list
/// continues it there.
pub fn question_of_children(
    model: &Model,
    resource: ResourceId,
    field: FieldId,
    parent: &str,
) -> Vec<u8> {
    let no_words: Option<String> = None;
    let plain = serde_json::json!([[], no_words, []]);
    sealed(
        model,
        model.resource(resource),
        Some((field.0, parent.to_owned())),
        plain,
    )
}

fn sealed(
    model: &Model,
    resource: &Resource,
    parent: Option<(u16, String)>,
    rest: serde_json::Value,
) -> Vec<u8> {
    serde_json::json!([model.base, resource.name, parent, rest])
        .to_string()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::split_list;

    #[test]
    fn lists_in_one_parameter() {
        assert_eq!(split_list("a,b"), ["a", "b"]);
        assert_eq!(split_list(r"a\,b,c\\"), ["a,b", r"c\"]);
        assert_eq!(split_list(""), [""]);
        assert_eq!(split_list(r"a\"), ["a"]);
    }
}
