//! Included relations: one statement per relation and level, however many records there are.

use std::collections::HashMap;
use std::sync::Arc;

use call::{Cell, Failure, Page, Record, Request};
use store::select::{Direction, Output, Select};
use value::{FieldId, ResourceId, Type, Value};

use crate::Core;
use crate::access::Verdict;
use crate::list::{PAGE_DEFAULT, question_of_children};
use crate::read::{Via, assemble, outputs};
use crate::statements::ShapeKey;
use crate::view::{Source, ViewPlan};

/// Statements for n ids are made for the next power of two, so that few shapes exist; the
/// rest is filled with the last id.
fn rounded(ids: usize) -> u16 {
    u16::try_from(ids.next_power_of_two()).unwrap_or(u16::MAX)
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
        let mut ids: Vec<Value> = Vec::new();
        for record in records.iter() {
            if let Cell::Value(id) = &record.cells[slot]
                && !id.is_null()
                && !ids.contains(id)
            {
                ids.push(id.clone());
            }
        }
        let mut found: HashMap<String, Record> = HashMap::new();
        let id_type = plan.view.id_type.clone();
        let name = |id: &Value| value::text::print(&id_type, id);
        if !ids.is_empty() && !matches!(read, Verdict::Closed) {
            let size = rounded(ids.len());
            let key = read_key(ShapeKey::new(b'o').id(plan.id), read).number(u64::from(size));
            let prepared = self.statements.get_or_make(key, || {
                self.select(&Select {
                    outputs: outputs(plan, &[]),
                    ids: Some(size),
                    restrict: restrict(read),
                    ..Select::new(plan.view.resource)
                })
            })?;
            let last = ids[ids.len() - 1].clone();
            ids.resize(usize::from(size), last);
            let parameters = self.bind(&prepared, &ids, request);
            let rows = self.rows(via, &prepared, &parameters).await?;
            let mut children: Vec<Record> =
                rows.into_iter().map(|row| assemble(plan, row).0).collect();
            self.include(via, request, plan, &mut children).await?;
            found = children
                .into_iter()
                .map(|child| (name(&child.id), child))
                .collect();
        }
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
        if !matches!(children.read, Verdict::Closed) {
            let size = rounded(records.len());
            let key = read_key(ShapeKey::new(b'm').id(plan.id), children.read)
                .number(u64::from(size))
                .number(u64::from(children.field.0));
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
            let mut arguments: Vec<Value> =
                records.iter().map(|record| record.id.clone()).collect();
            let last = arguments[arguments.len() - 1].clone();
            arguments.resize(usize::from(size), last);
            arguments.push(Value::Int(i64::from(PAGE_DEFAULT) + 1));
            let parameters = self.bind(&prepared, &arguments, request);
            let rows = self.rows(via, &prepared, &parameters).await?;
            let mut parents = Vec::with_capacity(rows.len());
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                let (record, mut extra) = assemble(plan, row);
                parents.push(name(&extra.pop().unwrap_or(Value::Null)));
                found.push(record);
            }
            self.include(via, request, plan, &mut found).await?;
            for (parent, record) in parents.into_iter().zip(found) {
                pages.entry(parent).or_default().push(record);
            }
        }
        for record in records {
            let parent = name(&record.id);
            let mut items = pages.remove(&parent).unwrap_or_default();
            let more = items.len() > PAGE_DEFAULT as usize;
            items.truncate(PAGE_DEFAULT as usize);
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
    match read {
        Verdict::Rows(residual) => vec![Arc::clone(&residual.expr)],
        Verdict::Open | Verdict::Closed => Vec::new(),
    }
}

fn read_key(key: ShapeKey, read: &Verdict) -> ShapeKey {
    match read {
        Verdict::Rows(residual) => key.id(residual.id),
        Verdict::Open | Verdict::Closed => key.number(0),
    }
}
