//! What a list request asks, checked: filters, words, sort.

use std::sync::Arc;

use call::{Code, Failure, FieldProblem, Place, Request};
use model::{Field, Resource};
use store::select::{self, Direction, Select};
use value::{FieldId, ResourceId, Type, Value};

use super::{FILTERS_MAX, PAGE_DEFAULT, PAGE_MAX, SORT_MAX, WORDS_CHARS_MAX};
use crate::Core;
use crate::access::Residual;
use crate::meant;
use crate::statements::ShapeKey;

/// A list request, checked: what to select and with which values.
#[derive(Clone)]
pub struct Question {
    pub resource: ResourceId,
    pub parent: Option<(FieldId, Value)>,
    pub filters: Vec<select::Filter>,
    /// Filters with OR and NOT.
    pub matching: Option<select::Where>,
    /// Ids of the filters' residuals and their shapes, for the statement cache.
    pub shape: Vec<Option<u64>>,
    /// Values of the filters, of those in `matching`, then the words of `q`.
    pub values: Vec<Value>,
    words: u16,
    /// With the id at the end.
    pub sort: Vec<(FieldId, Direction)>,
    pub sort_types: Vec<Type>,
    pub page: u32,
    /// What a cursor is bound to.
    pub seal: Vec<u8>,
}

impl Core {
    pub(super) fn question(
        &self,
        resource: &Resource,
        request: &Request,
    ) -> Result<Question, Failure> {
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

    pub(super) fn readable_field(
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
                        "cannot sort by `{}`{}; {} sorts by {}",
                        key.field,
                        meant::field(resource, &key.field, "", |field| {
                            is_sortable(field) && field.audience <= request.caller.served_audience()
                        }),
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
    pub fn select(&self, restrict: Option<&Residual>) -> Select {
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

    pub fn arguments(&self) -> Vec<Value> {
        let parent = self.parent.iter().map(|(_, id)| id);
        parent.chain(&self.values).cloned().collect()
    }

    pub fn shape_key(&self, key: ShapeKey) -> ShapeKey {
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
    // Stored text has none, and databases cannot be asked for it.
    if text.contains('\0') {
        let detail = "text cannot contain the character U+0000".to_owned();
        problems.push(fault("q", "invalid_character", detail));
        return;
    }
    let words = store::search::words(text);
    question.words = u16::try_from(words.len()).unwrap_or(0);
    question.values.extend(words.into_iter().map(Value::Text));
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

fn fault(parameter: &str, code: &'static str, detail: String) -> FieldProblem {
    at(&Place::Parameter(parameter.to_owned()), code, detail)
}

pub fn at(place: &Place, code: &'static str, detail: String) -> FieldProblem {
    FieldProblem {
        place: place.clone(),
        code,
        detail,
    }
}
