//! Reading every record of a resource as it is stored, for the operator: exports.
//!
//! All pages come out of one snapshot, so that what is exported is what was there at one moment,
//! however long it takes. One page is in memory at a time.

use call::Failure;
use model::Resource;
use store::driver::{Cost, StoreError, Transaction};
use store::select::{Output, Seek, Select};
use value::{ResourceId, Timestamp, Value};

use crate::Core;
use crate::Engine;
use crate::import::operator;
use crate::statements::{Kind, ShapeKey};
use crate::work::Reading;

/// Records in one page: enough that statements do not count.
const PAGE: u16 = 500;

/// Takes what is exported.
pub trait Sink: Send + 'static {
    /// So many records will come. A database that lost its snapshot may begin again.
    ///
    /// # Errors
    /// A failure ends the export.
    fn begin(&mut self, records: u64) -> Result<(), Failure>;

    /// A record: its stored fields in the order of the model. Those that were deleted and can be
    /// restored come after all others, with the time.
    ///
    /// # Errors
    /// A failure ends the export.
    fn take(&mut self, record: &[Value], deleted_at: Option<Timestamp>) -> Result<(), Failure>;

    /// That was all.
    ///
    /// # Errors
    /// A failure makes the export fail.
    fn end(&mut self) -> Result<(), Failure>;
}

impl Engine {
    /// Gives all records of a resource to a sink, in the order of their ids.
    ///
    /// # Errors
    /// What the database or the sink says.
    pub async fn export(
        &self,
        resource: ResourceId,
        sink: impl Sink,
        now: Timestamp,
    ) -> Result<u64, Failure> {
        let request = operator(resource, now);
        let exporting = Exporting { resource, sink };
        self.core.in_snapshot(Cost::Long, &request, exporting).await
    }
}

struct Exporting<S> {
    resource: ResourceId,
    sink: S,
}

impl<S: Sink> Reading for Exporting<S> {
    type Found = u64;

    async fn read(
        &mut self,
        core: &Core,
        _: &call::Request,
        transaction: &mut dyn Transaction,
    ) -> Result<u64, Failure> {
        let resource = core.model.resource(self.resource);
        let mut kinds = vec![false];
        kinds.extend(resource.soft_delete.map(|_| true));
        let mut total = 0;
        for deleted in &kinds {
            total += count(core, transaction, resource, *deleted).await?;
        }
        self.sink.begin(total)?;
        let mut records = 0;
        for deleted in kinds {
            records += self.all(core, transaction, resource, deleted).await?;
        }
        self.sink.end()?;
        Ok(records)
    }
}

impl<S: Sink> Exporting<S> {
    /// All records that are there, or all that have been deleted.
    async fn all(
        &mut self,
        core: &Core,
        transaction: &mut dyn Transaction,
        resource: &Resource,
        deleted: bool,
    ) -> Result<u64, Failure> {
        let id_at = store::layout::stored_fields(resource)
            .position(|field| field.id == resource.id_field().id)
            .ok_or_else(|| Failure::internal("a resource without an id"))?;
        let mut limit = PAGE;
        let mut after: Option<Value> = None;
        let mut records = 0;
        loop {
            let seek = after.as_ref();
            let page = page(core, transaction, resource, deleted, seek, limit).await;
            let mut rows = match page {
                Ok(rows) => rows,
                // Records may be so large that a page is too much at once.
                Err(StoreError::TooLarge { .. }) if limit > 1 => {
                    limit /= 2;
                    continue;
                }
                Err(error) => return Err(core.trouble(&error)),
            };
            for row in &mut rows {
                let deleted_at = match (deleted, row.last()) {
                    (true, Some(Value::Timestamp(at))) => Some(*at),
                    _ => None,
                };
                row.truncate(row.len() - usize::from(deleted));
                self.sink.take(row, deleted_at)?;
            }
            records += rows.len() as u64;
            match rows.into_iter().last() {
                None => return Ok(records),
                Some(mut last) => after = Some(last.swap_remove(id_at)),
            }
        }
    }
}

async fn count(
    core: &Core,
    transaction: &mut dyn Transaction,
    resource: &Resource,
    deleted: bool,
) -> Result<u64, Failure> {
    let count = core.select(&Select {
        count: true,
        deleted,
        ..Select::new(resource.id)
    })?;
    let rows = transaction
        .query(&count.statement, &count.bind_args(&[]))
        .await
        .map_err(|error| core.trouble(&error))?;
    match rows.cells.first() {
        Some(Value::Int(count)) => Ok(u64::try_from(*count).unwrap_or_default()),
        _ => Err(Failure::internal("a count is no number")),
    }
}

async fn page(
    core: &Core,
    transaction: &mut dyn Transaction,
    resource: &Resource,
    deleted: bool,
    after: Option<&Value>,
    limit: u16,
) -> Result<Vec<Vec<Value>>, StoreError> {
    let key = ShapeKey::new(Kind::Export)
        .resource(resource.id)
        .number(u64::from(after.is_some()))
        .number(u64::from(deleted));
    let prepared = core.statements.get_or_make(key, || {
        core.select(&Select {
            outputs: store::layout::stored_fields(resource)
                .map(|field| Output::Field(field.id))
                .chain(deleted.then_some(Output::DeletedAt))
                .collect(),
            deleted,
            seek: after.map(|after| Seek::after(std::slice::from_ref(after))),
            limit: true,
            ..Select::new(resource.id)
        })
    });
    let prepared = prepared.map_err(|failure| StoreError::Internal {
        reason: failure.detail,
    })?;
    let mut args: Vec<Value> = after.cloned().into_iter().collect();
    args.push(Value::Int(i64::from(limit)));
    let rows = transaction
        .query(&prepared.statement, &prepared.bind_args(&args))
        .await?;
    prepared.records(rows)
}
