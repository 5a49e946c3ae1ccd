//! Included relations: one statement per relation and level for every [`IDS_AT_ONCE`] records,
//! of which an answer seldom has more.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use call::{Cell, Failure, Page, Record, Request};
use store::select::{Direction, IDS_MAX, Output, Select};
use value::{FieldId, ResourceId, Type, Value};

use crate::Core;
use crate::access::{Residual, Verdict};
use crate::list::{PAGE_DEFAULT, question_of_children};
use crate::read::{Via, assemble, outputs};
use crate::statements::{Kind, ShapeKey};
use crate::view::{Source, ViewPlan};

/// Ids in one statement. A power of two that statements take.
const IDS_AT_ONCE: usize = 256;
const _: () = assert!(IDS_AT_ONCE <= IDS_MAX as usize && IDS_AT_ONCE.is_power_of_two());

/// Records of one list over all of the records it is included in: 50 for each of the longest page.
/// Lists of lists would multiply beyond it; their pages are made shorter instead, and go on by
/// their cursors.
const LISTED_MAX: usize = 10_000;

/// Ids for one statement. Statements are made for powers of two, so that few shapes exist; the
/// rest is filled with null, which no record has: an id twice would give its list twice.
fn rounded(ids: &[Value]) -> (u16, Vec<Value>) {
    let size = ids.len().next_power_of_two();
    let mut ids = ids.to_vec();
    ids.resize(size, Value::Null);
    (u16::try_from(size).unwrap_or(u16::MAX), ids)
}

impl Core {
    /// Fills in the relations of `records`, which all have the view of `plan`.
    pub async fn include(
        &self,
        via: &mut Via<'_>,
        request: &Request,
        plan: &Arc<ViewPlan>,
        records: &mut [Record],
    ) -> Result<(), Failure> {
        if records.is_empty() || !plan.has_relations() {
            return Ok(());
        }
        for (slot, source) in plan.sources.iter().enumerate() {
            match source {
                Source::Field(_) | Source::Guarded(..) => {}
                Source::One {
                    plan: inner, read, ..
                } => {
                    // The recursion is bounded by the depth of includes.
                    Box::pin(self.include_one(via, request, inner, read, slot, records)).await?;
                }
                Source::Many {
                    resource,
                    field,
                    plan: inner,
                    read,
                } => {
                    let children = Children {
                        resource: *resource,
                        field: *field,
                        plan: inner,
                        read,
                    };
                    Box::pin(self.include_many(via, request, &children, slot, records)).await?;
                }
            }
        }
        Ok(())
    }

    async fn include_one(
        &self,
        via: &mut Via<'_>,
        request: &Request,
        plan: &Arc<ViewPlan>,
        read: &Verdict,
        slot: usize,
        records: &mut [Record],
    ) -> Result<(), Failure> {
        let id_type = plan.view.id_type.clone();
        let name = |id: &Value| value::text::print(&id_type, id);
        let mut ids: Vec<Value> = Vec::new();
        let mut known: HashSet<String> = HashSet::new();
        for record in records.iter() {
            if let Cell::Value(id) = &record.cells[slot]
                && !id.is_null()
                && known.insert(name(id))
            {
                ids.push(id.clone());
            }
        }
        let mut children: Vec<Record> = Vec::new();
        if !matches!(read, Verdict::Closed) {
            for ids in ids.chunks(IDS_AT_ONCE) {
                let (size, ids) = rounded(ids);
                let key = ShapeKey::new(Kind::IncludeOne)
                    .id(plan.id)
                    .restricted_to(residual(read))
                    .number(u64::from(size));
                let prepared = self.statements.get_or_make(key, || {
                    self.select(&Select {
                        outputs: outputs(plan, &[]),
                        ids: Some(size),
                        restrict: restrict(read),
                        ..Select::new(plan.view.resource)
                    })
                })?;
                let parameters = self.bind(&prepared, &ids, request);
                let rows = self.rows(via, &prepared, &parameters).await?;
                children.extend(rows.into_iter().map(|row| assemble(plan, row).0));
            }
        }
        self.include(via, request, plan, &mut children).await?;
        let found: HashMap<String, Record> = children
            .into_iter()
            .map(|child| (name(&child.id), child))
            .collect();
        for record in records {
            let child = match &record.cells[slot] {
                Cell::Value(id) if !id.is_null() => found.get(&name(id)).cloned(),
                _ => None,
            };
            record.cells[slot] = Cell::One(child.map(Box::new));
        }
        Ok(())
    }

    async fn include_many(
        &self,
        via: &mut Via<'_>,
        request: &Request,
        children: &Children<'_>,
        slot: usize,
        records: &mut [Record],
    ) -> Result<(), Failure> {
        let plan = children.plan;
        let mut pages: HashMap<String, Vec<Record>> = HashMap::new();
        let parent_type = records[0].view.id_type.clone();
        let name = |id: &Value| value::text::print(&parent_type, id);
        let page = (LISTED_MAX / records.len()).clamp(1, PAGE_DEFAULT as usize);
        if !matches!(children.read, Verdict::Closed) {
            let ids: Vec<Value> = records.iter().map(|record| record.id.clone()).collect();
            let mut parents = Vec::new();
            let mut found = Vec::new();
            for ids in ids.chunks(IDS_AT_ONCE) {
                let (size, mut arguments) = rounded(ids);
                let key = ShapeKey::new(Kind::IncludeMany)
                    .id(plan.id)
                    .restricted_to(residual(children.read))
                    .number(u64::from(size))
                    .field(children.field);
                let prepared = self.statements.get_or_make(key, || {
                    self.select(&Select {
                        outputs: outputs(plan, &[Output::Field(children.field)]),
                        parents: Some((children.field, size)),
                        restrict: restrict(children.read),
                        sort: vec![(FieldId(0), Direction::Ascending)],
                        limit: true,
                        ..Select::new(children.resource)
                    })
                })?;
                arguments.push(Value::Int(page as i64 + 1));
                let parameters = self.bind(&prepared, &arguments, request);
                for row in self.rows(via, &prepared, &parameters).await? {
                    let (record, mut extra) = assemble(plan, row);
                    parents.push(name(&extra.pop().unwrap_or(Value::Null)));
                    found.push(record);
                }
            }
            self.include(via, request, plan, &mut found).await?;
            for (parent, record) in parents.into_iter().zip(found) {
                pages.entry(parent).or_default().push(record);
            }
        }
        for record in records {
            let parent = name(&record.id);
            let mut items = pages.remove(&parent).unwrap_or_default();
            let more = items.len() > page;
            items.truncate(page);
            let next_cursor = items.last().filter(|_| more).map(|last| {
                let question =
                    question_of_children(&self.model, children.resource, children.field, &parent);
                let types: [Type; 1] = [plan.view.id_type.clone()];
                self.cursors
                    .seal(&question, &types, std::slice::from_ref(&last.id))
            });
            record.cells[slot] = Cell::Many(Box::new(Page {
                view: Arc::clone(&plan.view),
                items,
                next_cursor,
                total: None,
            }));
        }
        Ok(())
    }
}

/// The many side of a relation, as one include asks for it.
struct Children<'a> {
    resource: ResourceId,
    field: FieldId,
    plan: &'a Arc<ViewPlan>,
    read: &'a Verdict,
}

fn restrict(read: &Verdict) -> Vec<Arc<expr::Expr>> {
    let residual = residual(read).into_iter();
    residual
        .map(|residual| Arc::clone(&residual.expr))
        .collect()
}

fn residual(read: &Verdict) -> Option<&Residual> {
    match read {
        Verdict::Rows(residual) => Some(residual),
        Verdict::Open | Verdict::Closed => None,
    }
}
