//! Where an action happens: limits, scope, access, validation, store, outcome.
//!
//! ```text
//! Request ─► access (scope, rule) ─► view (fields, include) ─► get, list ──────────────► Outcome
//!                     │                            create, update, delete, restore, batch   │
//!                     └► input, validate ─► settle ─► one transaction: row, conditions, feed ┘
//!                                             └─ once: with a key, later: as an operation
//! ```
//!
//! Everything a rule, a limit or a validation decides is decided here, once for all doors.
//! The engine knows no wire, no YAML and no vendor; a database comes in as a
//! [`store::Driver`]. Begin with [`Engine::handle`]; doors come in by [`Entrance::admit`], which
//! counts them.

mod access;
mod alongside;
mod batch;
mod caller;
mod create;
mod cursor;
mod delete;
mod ending;
mod entrance;
mod export;
mod import;
mod include;
mod input;
mod later;
mod lease;
mod length;
mod list;
mod meant;
mod once;
mod patch;
mod place;
mod plan;
mod read;
mod references;
mod restore;
mod rights;
mod sequence;
mod settle;
mod sharing;
mod spot;
mod statements;
mod sunset;
mod tables;
mod taken;
mod trouble;
mod update;
mod validate;
mod view;
mod work;
mod write;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use call::{Caller, Code, Failure, Operation, Outcome, Request};
use model::{Action, Model};
use store::driver::{Driver, StoreError};
use store::select::Select;
use store::{Prepared, Unsupported};
use tokio::sync::{Notify, Semaphore};
use value::{ResourceId, Timestamp, Value};

pub use alongside::{Alongside, NewPerson};
pub use batch::PARTS_MAX as BATCH_MAX;
pub use entrance::{Admitted, Entrance, Meters, Visit};
pub use export::Sink;
pub use import::{DELETED_AT, Import, ImportError, Imported, Progress, Row};
pub use later::{RUNNING_MAX as OPERATIONS_MAX, WAIT_SECONDS_MAX};
pub use list::condition::{
    DEPTH_MAX as CONDITION_DEPTH_MAX, PARTS_MAX as CONDITIONS_MAX,
    VALUES_MAX as CONDITION_VALUES_MAX,
};
pub use list::pace::STREAMS_MAX;
pub use list::stream::{PIECE_MAX, Records};
pub use list::{
    FILTERS_MAX, IN_MAX, PAGE_DEFAULT, PAGE_MAX, SORT_MAX, WORDS_CHARS_MAX, is_sortable,
};
pub use patch::PATCH_OPERATIONS_MAX;
pub use tables::Tables;
pub use view::{FIELDS_MAX, INCLUDE_DEPTH_MAX, INCLUDES_MAX};

use cursor::CursorKey;
use plan::Plans;
use statements::Statements;
use view::{ViewCache, Viewer};

/// One contract at work on one database.
#[derive(Clone)]
pub struct Engine {
    core: Arc<Core>,
}

/// What every action needs.
struct Core {
    model: Arc<Model>,
    plans: Plans,
    driver: Arc<dyn Driver>,
    views: ViewCache,
    statements: Statements,
    cursors: CursorKey,
    running: Arc<once::Running>,
    /// Room for operations that go on after their request.
    later: Arc<Semaphore>,
    /// Tells whoever waits that one of them has ended.
    ended: Notify,
    pace: list::pace::Pace,
    lease: lease::Lease,
    tables: tables::Known,
    /// Of every rule that says what may be seen; made when first asked for.
    rights: OnceLock<[u8; 16]>,
    watched: OnceLock<Watched>,
}

/// Somebody who wants to know when records of a resource have been written here.
struct Watched {
    resource: ResourceId,
    tell: Arc<dyn Fn() + Send + Sync>,
}

impl Engine {
    /// `cursor_secret` signs cursors; as long as it stays, they survive restarts.
    /// The database's tables must be those of the model.
    pub fn new(model: Arc<Model>, driver: Arc<dyn Driver>, cursor_secret: &[u8; 32]) -> Engine {
        Engine {
            core: Arc::new(Core {
                plans: Plans::new(&model),
                model,
                driver,
                views: ViewCache::default(),
                statements: Statements::default(),
                cursors: CursorKey::new(cursor_secret),
                running: Arc::default(),
                later: Arc::new(Semaphore::new(later::RUNNING_MAX)),
                ended: Notify::new(),
                pace: list::pace::Pace::default(),
                lease: lease::Lease::default(),
                tables: tables::Known::default(),
                rights: OnceLock::new(),
                watched: OnceLock::new(),
            }),
        }
    }

    /// Says how often the tables have been changed since they were made, so that no tag means the
    /// same before and after, and another change is noticed. To be said once, before the first
    /// request; never, unless said.
    pub fn migrated(&self, times: u64) {
        self.core.tables.migrated(times);
    }

    /// Tells somebody whenever records of a resource have been written by this engine, once that is
    /// so. To be said once; of deletions that follow others nothing is told.
    pub fn watch(&self, resource: ResourceId, tell: Arc<dyn Fn() + Send + Sync>) {
        let _first_counts = self.core.watched.set(Watched { resource, tell });
    }

    pub fn model(&self) -> &Arc<Model> {
        &self.core.model
    }

    pub fn driver(&self) -> &Arc<dyn Driver> {
        &self.core.driver
    }

    /// Decides and does, without counting. Doors get here through [`Entrance`].
    ///
    /// # Errors
    /// A [`Failure`] in terms of the request; then nothing was changed.
    pub fn handle(
        &self,
        request: impl Into<Box<Request>>,
    ) -> impl Future<Output = Result<Outcome, Failure>> + Send {
        self.answer(request.into())
    }

    async fn answer(&self, request: Box<Request>) -> Result<Outcome, Failure> {
        self.core.tables.are_ours()?;
        self.core.serves(&request)?;
        let answered = match request.action {
            Action::Get => self.core.get(&request).await,
            // A future is as large as its largest branch and is moved as it is handed up, so what
            // does more than a read stands apart.
            Action::List => Box::pin(self.core.list(&request)).await,
            Action::Create
            | Action::Update
            | Action::Replace
            | Action::Delete
            | Action::Restore => {
                let resource = request.resource;
                let settled = Box::pin(self.core.settle(request)).await;
                self.core.written(resource);
                settled
            }
        };
        match answered {
            Err(failure) if failure.code == Code::Internal => {
                Err(Box::pin(self.core.explain_failure(failure)).await)
            }
            answered => answered,
        }
    }

    /// A list without pages, to be read a piece at a time. Everything is decided before the first
    /// record is given.
    ///
    /// # Errors
    /// As [`Engine::handle`].
    pub async fn stream(&self, request: Request) -> Result<Records, Failure> {
        self.core.tables.are_ours()?;
        self.core.serves(&request)?;
        match self.core.stream(request).await {
            Err(failure) => Err(Box::pin(self.core.explain_failure(failure)).await),
            records => records,
        }
    }
}

impl Engine {
    /// A write that went on after its request, for its caller and for operators. Guests are told
    /// apart by where they come from.
    ///
    /// # Errors
    /// [`Code::NotFound`] for everybody else.
    pub async fn operation(
        &self,
        caller: &Arc<Caller>,
        origin: IpAddr,
        id: &str,
        now: Timestamp,
    ) -> Result<Operation, Failure> {
        self.core.operation(caller, origin, id, now).await
    }
}

impl Core {
    /// Something may have been written.
    fn written(&self, resource: ResourceId) {
        if let Some(watched) = self.watched.get()
            && watched.resource == resource
        {
            (watched.tell)();
        }
    }

    /// Whether the resource is there for this caller at all.
    fn serves(&self, request: &Request) -> Result<(), Failure> {
        let resource = self.model.resource(request.resource);
        if resource.audience > request.caller.served_audience() {
            return Err(Failure::new(Code::NotFound, "there is nothing here"));
        }
        Ok(())
    }

    fn viewer<'a>(&'a self, caller: &'a Caller, now: Timestamp) -> Viewer<'a> {
        Viewer {
            model: &self.model,
            plans: &self.plans,
            caller,
            now,
            migrations: self.tables.migrations(),
        }
    }

    fn select(&self, shape: &Select) -> Result<Prepared, Failure> {
        store::select::select(&self.model, self.driver.dialect(), shape)
            .map_err(|unsupported| cannot_be_sql(&unsupported))
    }

    fn bind(&self, prepared: &Prepared, arguments: &[Value], request: &Request) -> Vec<Value> {
        let claims = caller::Claims(&request.caller);
        prepared.bind(
            arguments,
            &|claim, ty| expr::caller::read_claim(&claims, claim, ty).unwrap_or(Value::Null),
            request.now,
        )
    }

    fn trouble(&self, error: &StoreError) -> Failure {
        trouble::failure(&self.model, error)
    }
}

/// The contract compiler refuses what cannot become SQL, so this is our own mistake.
fn cannot_be_sql(unsupported: &Unsupported) -> Failure {
    Failure::internal(format!(
        "a checked condition has no SQL: {}",
        unsupported.what
    ))
}
