//! Which fields and relations an answer has, for this caller.
//!
//! `fields` and `include` are turned into a [`ViewPlan`]: what to read, what the answer's
//! [`call::View`] looks like, and which further records to fetch. Field rules are decided
//! here as far as the caller alone decides them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use call::{Caller, Code, Failure, FieldProblem, Place, Slot, View, ViewRequest, ViewTag};
use model::{Action, Audience, Field, FieldKind, Model, Resource};
use value::{FieldId, ResourceId, Timestamp, Type};

use crate::access::{self, Residual, Verdict};
use crate::meant;
use crate::plan::Plans;

/// `include` may follow relations this far: `reviews.reviewer`.
pub const INCLUDE_DEPTH_MAX: usize = 2;
/// Included relations of one request; each costs one statement.
pub const INCLUDES_MAX: usize = 10;
/// Names in `fields`.
pub const FIELDS_MAX: usize = 200;
/// Views kept per engine. Beyond it views are made for the request alone.
const VIEWS_MAX: usize = 4096;

/// How to read and write one kind of answer.
#[derive(Debug)]
pub struct ViewPlan {
    pub view: Arc<View>,
    /// Names the plan in statement caches; `None` when it is not kept.
    pub id: Option<u64>,
    /// Where each slot comes from, parallel to the view's slots.
    pub sources: Vec<Source>,
    /// Everything is in the record's own row and open to this caller: a row in memory is enough.
    pub plain: bool,
}

#[derive(Debug)]
pub enum Source {
    Field(FieldId),
    /// A field that this caller sees only on rows that fulfil the condition.
    Guarded(FieldId, Residual),
    /// An included record, by the field that holds its id; where that is hidden, so is where it
    /// leads.
    One {
        via: FieldId,
        seen: Option<Residual>,
        plan: Arc<ViewPlan>,
        read: Verdict,
    },
    /// The first page of an included list.
    Many {
        resource: ResourceId,
        field: FieldId,
        plan: Arc<ViewPlan>,
        read: Verdict,
    },
}

impl ViewPlan {
    /// Other records are part of the answer.
    pub fn has_relations(&self) -> bool {
        self.sources
            .iter()
            .any(|source| matches!(source, Source::One { .. } | Source::Many { .. }))
    }
}

/// Plans seen before.
#[derive(Debug, Default)]
pub struct ViewCache {
    plans: RwLock<HashMap<Key, Arc<ViewPlan>>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    resource: ResourceId,
    request: ViewRequest,
    audience: Audience,
    /// What the caller's field rules and read rules come to.
    sights: Vec<Sight>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sight {
    Shown,
    Hidden,
    ByRow(Option<u64>),
}

impl From<&Verdict> for Sight {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Open => Sight::Shown,
            Verdict::Closed => Sight::Hidden,
            Verdict::Rows(residual) => Sight::ByRow(residual.id),
        }
    }
}

/// The wanted parts of one resource, names resolved.
struct Wanted<'a> {
    /// `None`: all own fields.
    fields: Option<Vec<FieldId>>,
    relations: Vec<(&'a str, Wanted<'a>)>,
}

/// Everything a view depends on besides the request.
pub struct Viewer<'a> {
    pub model: &'a Model,
    pub plans: &'a Plans,
    pub caller: &'a Caller,
    pub now: Timestamp,
    /// How often the tables have been changed.
    pub migrations: u64,
}

impl Viewer<'_> {
    /// The plan for a view of `resource`, from the cache where possible.
    pub fn plan(
        &self,
        cache: &ViewCache,
        resource: ResourceId,
        request: &ViewRequest,
    ) -> Result<Arc<ViewPlan>, Failure> {
        let described = self.model.resource(resource);
        let simple = request.include.is_empty() && request.fields.is_none();
        let wanted = if simple {
            Wanted {
                fields: None,
                relations: Vec::new(),
            }
        } else {
            self.resolve(described, request)?
        };
        let mut sights = Vec::new();
        let cacheable = self.sights(described, &wanted, &mut sights)?;
        if !cacheable {
            return self.build(described, &wanted, None).map(Arc::new);
        }
        let audience = self.caller.served_audience();
        let key = Key {
            resource,
            request: request.clone(),
            audience,
            sights,
        };
        let known = cache
            .plans
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some(plan) = known {
            return Ok(plan);
        }
        let mut plans = cache.plans.write().unwrap_or_else(PoisonError::into_inner);
        let keep = plans.len() < VIEWS_MAX;
        let id = keep.then(|| {
            // Unique within the process: plans of swapped-out engines must not be mistaken.
            static NEXT_ID: AtomicU64 = AtomicU64::new(1);
            NEXT_ID.fetch_add(1, Ordering::Relaxed)
        });
        let plan = Arc::new(self.build(described, &wanted, id)?);
        if keep {
            plans.insert(key, Arc::clone(&plan));
        }
        Ok(plan)
    }

    /// What the caller's rules come to on everything the view touches. False when something
    /// cannot be named in a cache.
    fn sights(
        &self,
        resource: &Resource,
        wanted: &Wanted<'_>,
        out: &mut Vec<Sight>,
    ) -> Result<bool, Failure> {
        let plan = self.plans.resource(resource.id);
        let mut cacheable = true;
        if plan.has_field_rules {
            for field in &resource.fields {
                if let Some(gate) = plan.field_read(field.id) {
                    let sight = Sight::from(&gate.ask(self.caller, self.now));
                    cacheable &= sight != Sight::ByRow(None);
                    out.push(sight);
                }
            }
        }
        for (name, inner) in &wanted.relations {
            let target = self.target(resource, name);
            let read = self.relation_read(resource, name)?;
            let sight = Sight::from(&read);
            cacheable &= sight != Sight::ByRow(None);
            out.push(sight);
            cacheable &= self.sights(target, inner, out)?;
        }
        Ok(cacheable)
    }

    fn read(&self, resource: &Resource, action: Action) -> Result<Verdict, Failure> {
        access::admit(
            resource,
            self.plans.resource(resource.id).gate(action),
            action,
            self.caller,
            self.now,
        )
    }

    /// Which of the records that a relation or list leads to the caller may read.
    fn relation_read(&self, resource: &Resource, name: &str) -> Result<Verdict, Failure> {
        let target = self.target(resource, name);
        if resource.relation_named(name).is_some() {
            return self.read(target, Action::Get);
        }
        // To list by a field is to filter by it.
        if let Some(list) = resource.list_named(name) {
            self.plans.resource(target.id).may_ask_about(
                target.field(list.field),
                self.caller,
                self.now,
            )?;
        }
        self.read(target, Action::List)
    }

    /// The resource a relation or list name leads to. The name has been resolved before.
    fn target(&self, resource: &Resource, name: &str) -> &Resource {
        let id = resource
            .relation_named(name)
            .and_then(|field| field.relation().map(|(_, target)| target))
            .or_else(|| resource.list_named(name).map(|list| list.resource))
            .expect("relation names are resolved before views are made");
        self.model.resource(id)
    }

    fn resolve<'r>(
        &self,
        resource: &Resource,
        request: &'r ViewRequest,
    ) -> Result<Wanted<'r>, Failure> {
        let mut problems = Vec::new();
        let mut root = Wanted {
            fields: None,
            relations: Vec::new(),
        };
        for path in &request.include {
            let steps: Vec<&str> = path.split('.').collect();
            if steps.len() > INCLUDE_DEPTH_MAX {
                problems.push(parameter(
                    "include",
                    "too_deep",
                    format!(
                        "`{path}` goes {} relations deep; the most is {INCLUDE_DEPTH_MAX}",
                        steps.len()
                    ),
                ));
                continue;
            }
            self.include(resource, &steps, path, &mut root, &mut problems);
        }
        if let Some(fields) = &request.fields {
            if fields.len() > FIELDS_MAX {
                problems.push(parameter(
                    "fields",
                    "too_many",
                    format!("{} names; the most is {FIELDS_MAX}", fields.len()),
                ));
            } else {
                for path in fields {
                    let steps: Vec<&str> = path.split('.').collect();
                    self.select(resource, &steps, path, &mut root, &mut problems);
                }
                // `fields=author.name` alone still is a selection of own fields: none but the id.
                root.fields.get_or_insert_default();
            }
        }
        if root.count() > INCLUDES_MAX {
            problems.push(parameter(
                "include",
                "too_many",
                format!("{} relations; the most is {INCLUDES_MAX}", root.count()),
            ));
        }
        if problems.is_empty() {
            Ok(root)
        } else {
            Err(Failure::with_problems(Code::Malformed, problems))
        }
    }

    fn include<'r>(
        &self,
        resource: &Resource,
        steps: &[&'r str],
        path: &str,
        into: &mut Wanted<'r>,
        problems: &mut Vec<FieldProblem>,
    ) {
        let [first, rest @ ..] = steps else { return };
        if !self.is_relation(resource, first) {
            let known = self.relation_names(resource);
            let allowed = if known.is_empty() {
                format!("{} has no relations", resource.name)
            } else {
                format!("{} has {}", resource.name, known.join(", "))
            };
            problems.push(parameter(
                "include",
                "unknown_relation",
                format!(
                    "there is no relation `{first}`{}{}; {allowed}",
                    within(path, first),
                    meant::relation(first, "", &known)
                ),
            ));
            return;
        }
        let target = self.target(resource, first);
        let inner = into.relation(first);
        self.include(target, rest, path, inner, problems);
    }

    fn select<'r>(
        &self,
        resource: &Resource,
        steps: &[&'r str],
        path: &str,
        into: &mut Wanted<'r>,
        problems: &mut Vec<FieldProblem>,
    ) {
        match steps {
            [name] => match resource
                .field_named(name)
                .filter(|field| self.served(field))
            {
                Some(field) => {
                    let fields = into.fields.get_or_insert_default();
                    if !fields.contains(&field.id) {
                        fields.push(field.id);
                    }
                }
                None if self.is_relation(resource, name) => {
                    into.relation(name);
                    into.fields.get_or_insert_default();
                }
                None => {
                    let known: Vec<&str> = resource
                        .fields
                        .iter()
                        .filter(|field| self.served(field))
                        .map(|field| field.name.as_str())
                        .collect();
                    problems.push(parameter(
                        "fields",
                        "unknown_field",
                        format!(
                            "{} has no field `{name}`{}{}; it has {}",
                            resource.name,
                            within(path, name),
                            meant::field(resource, name, "", |field| self.served(field)),
                            known.join(", ")
                        ),
                    ));
                }
            },
            [first, rest @ ..]
                if rest.len() <= INCLUDE_DEPTH_MAX && self.is_relation(resource, first) =>
            {
                let target = self.target(resource, first);
                self.select(target, rest, path, into.relation(first), problems);
            }
            _ => problems.push(parameter(
                "fields",
                "unknown_field",
                format!("`{path}` leads nowhere from {}", resource.name),
            )),
        }
    }

    fn is_relation(&self, resource: &Resource, name: &str) -> bool {
        self.relation_names(resource).contains(&name)
    }

    fn relation_names<'m>(&self, resource: &'m Resource) -> Vec<&'m str> {
        let to_one = resource
            .fields
            .iter()
            .filter(|field| self.served(field))
            .filter_map(|field| field.relation());
        let to_many = resource
            .lists
            .iter()
            .map(|list| (list.name.as_str(), list.resource));
        to_one
            .chain(to_many)
            .filter(|(_, target)| {
                self.model.resource(*target).audience <= self.caller.served_audience()
            })
            .map(|(name, _)| name)
            .collect()
    }

    fn served(&self, field: &Field) -> bool {
        !field.write_only && field.audience <= self.caller.served_audience()
    }

    fn field_verdict(&self, resource: &Resource, field: &Field) -> Verdict {
        match self.plans.resource(resource.id).field_read(field.id) {
            None => Verdict::Open,
            Some(gate) => gate.ask(self.caller, self.now),
        }
    }

    fn build(
        &self,
        resource: &Resource,
        wanted: &Wanted<'_>,
        id: Option<u64>,
    ) -> Result<ViewPlan, Failure> {
        let mut slots = Vec::new();
        let mut sources = Vec::new();
        let mut plain = true;
        let mut fixed = true;
        for field in resource.fields.iter().filter(|field| self.served(field)) {
            let chosen = wanted
                .fields
                .as_ref()
                .is_none_or(|fields| fields.contains(&field.id));
            if !chosen {
                continue;
            }
            let verdict = self.field_verdict(resource, field);
            let computed = matches!(field.kind, FieldKind::Computed(_));
            plain &= !computed;
            fixed &= !computed;
            sources.push(match verdict {
                Verdict::Closed => continue,
                Verdict::Open => Source::Field(field.id),
                Verdict::Rows(residual) => {
                    plain = false;
                    fixed = false;
                    Source::Guarded(field.id, residual)
                }
            });
            slots.push(slot(&field.name, field.shape.ty.clone()));
        }
        for (name, inner) in &wanted.relations {
            let target = self.target(resource, name);
            let read = self.relation_read(resource, name)?;
            let inner = Arc::new(self.build(target, inner, None)?);
            plain = false;
            fixed = false;
            let mut included = slot(name, Type::Id(Arc::clone(&target.id_type)));
            if resource.relation_named(name).is_some() {
                included.inner = Some(Arc::clone(&inner.view));
            }
            slots.push(included);
            sources.push(match resource.relation_named(name) {
                Some(field) => {
                    let (seen, read) = match self.field_verdict(resource, field) {
                        Verdict::Open => (None, read),
                        Verdict::Closed => (None, Verdict::Closed),
                        Verdict::Rows(residual) => (Some(residual), read),
                    };
                    Source::One {
                        via: field.id,
                        seen,
                        plan: inner,
                        read,
                    }
                }
                None => {
                    let list = resource
                        .list_named(name)
                        .expect("names are resolved before");
                    Source::Many {
                        resource: list.resource,
                        field: list.field,
                        plan: inner,
                        read,
                    }
                }
            });
        }
        let tag = if fixed {
            ViewTag::Fixed(fingerprint(resource, &slots, self.migrations))
        } else {
            ViewTag::Content
        };
        Ok(ViewPlan {
            view: Arc::new(View {
                resource: resource.id,
                id_type: Type::Id(Arc::clone(&resource.id_type)),
                slots,
                tag,
            }),
            id,
            sources,
            plain,
        })
    }
}

impl<'r> Wanted<'r> {
    fn relation(&mut self, name: &'r str) -> &mut Wanted<'r> {
        let at = match self.relations.iter().position(|(known, _)| *known == name) {
            Some(at) => at,
            None => {
                self.relations.push((
                    name,
                    Wanted {
                        fields: None,
                        relations: Vec::new(),
                    },
                ));
                self.relations.len() - 1
            }
        };
        &mut self.relations[at].1
    }

    fn count(&self) -> usize {
        self.relations
            .iter()
            .map(|(_, inner)| 1 + inner.count())
            .sum()
    }
}

fn slot(name: &str, ty: Type) -> Slot {
    Slot {
        name: name.to_owned(),
        key: format!("\"{name}\":").into_bytes().into(),
        ty,
        inner: None,
    }
}

/// Of which path a word is a part, unless it is all of it.
fn within(path: &str, word: &str) -> String {
    if path == word {
        return String::new();
    }
    format!(" in `{path}`")
}

/// A number for the shape of an answer: the same fields of the same types give the same
/// number, in every process and release (FNV-1a, 64 bits), until tables are changed: a field that
/// was dropped and made again has the shape it had and other values, in rows of the same version.
fn fingerprint(resource: &Resource, slots: &[Slot], migrations: u64) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes.iter().chain([&0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    eat(resource.name.as_bytes());
    for slot in slots {
        eat(&slot.key);
        eat(slot.ty.name().as_bytes());
    }
    // Sixteen bits tell views of one version apart well enough and keep tags short.
    (hash >> 48) ^ (hash & 0xffff) ^ ((hash >> 16) & 0xffff) ^ (migrations & 0xffff)
}

fn parameter(name: &str, code: &'static str, detail: String) -> FieldProblem {
    FieldProblem {
        place: Place::Parameter(name.to_owned()),
        code,
        detail,
    }
}
