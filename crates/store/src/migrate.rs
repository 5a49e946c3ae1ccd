//! From the tables there are to the tables a model needs.
//!
//! What was applied last is kept with the data ([`Applied`]). [`plan()`] compares it with the
//! model and says step by step what to do, or what it will not guess: [`Refusal`]. Then
//! [`check`] asks the data whether it fits, and [`apply`] does everything in one transaction.
//!
//! ```text
//!  applied(driver) ─► plan(applied, model) ─┬─ Refusal: renamed or removed? a default is missing …
//!                                           └─ Plan ─► check(driver) ─► apply(driver)
//! ```
//!
//! Nothing is lost that the contract does not name: a vanished field must be renamed (`was:`) or
//! given up (`removed:`), and what gives data up is a step of [`Risk::Loses`], which [`apply`]
//! runs only when told to.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};

use value::{Timestamp, Value};

use crate::driver::{Cost, Dialect, Driver, Statement, Storage, StoreError};
use crate::prepared::corrupt;
use crate::sql::literal;
use crate::system;

mod applied;
mod convert;
mod counters;
mod ddl;
mod limits;
mod locks;
mod plan;
mod table;

pub use applied::{Applied, FieldShape, IdShape, IndexShape, Kind, MemberShape, Table, describe};
pub use limits::Limits;
pub use plan::plan;

/// The table that says which contract the others were made for: every database of frontdesk has it.
pub const TABLE: &str = system::MIGRATIONS;

/// What to do, in order.
#[derive(Debug)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// What will have been applied then.
    pub target: Applied,
    /// What was applied last is word for word the target.
    pub(crate) is_noted: bool,
    pub(crate) dialect: Dialect,
}

#[derive(Clone, Debug)]
pub struct Step {
    /// For people: ``book: add `isbn` ``.
    pub what: String,
    /// Empty when only the notion of the data changes, as with an enum that gains a value.
    pub sql: Vec<String>,
    pub risk: Risk,
    /// Must find nothing, or the step is refused.
    pub probes: Vec<Probe>,
    /// Counts the rows that the step goes over.
    pub touches_rows: Option<Arc<Statement>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Takes no time and loses nothing.
    Safe,
    /// Allows less than before; refused while records have what is no longer allowed.
    Narrows,
    /// Goes over a whole table; writes wait meanwhile.
    Locks,
    /// Gives data up.
    Loses,
}

/// A question to the data before a step.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Counts the rows that stand in the way.
    pub statement: Arc<Statement>,
    /// What to say if there are any; `{n}` stands for their number.
    pub refusal: Refusal,
}

/// Why there is no way, and what to write to open one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The resource it is about.
    pub resource: String,
    pub what: String,
    /// Any of these mends it.
    pub mend: Vec<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.resource, self.what)?;
        for (at, mend) in self.mend.iter().enumerate() {
            write!(f, "\n  {}: {mend}", if at == 0 { "help" } else { "  or" })?;
        }
        Ok(())
    }
}

/// Who waits for a step, from then to the end of the migration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    /// Whoever writes to this table.
    Writes(String),
    /// Whoever reads it, too.
    All(String),
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lock::Writes(table) => write!(f, "writes to `{table}` wait"),
            Lock::All(table) => write!(f, "reads and writes of `{table}` wait"),
        }
    }
}

impl Plan {
    /// Who waits for a step until all is done. On SQLite that is the same for all of them: every
    /// write, and no read.
    pub fn locks(&self, step: &Step) -> Vec<Lock> {
        let mut locks: Vec<Lock> = match self.dialect {
            Dialect::Sqlite => vec![],
            Dialect::Postgres => step.sql.iter().flat_map(|sql| locks::of(sql)).collect(),
        };
        locks.sort();
        locks.dedup();
        locks
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What was applied last is this model and no other, to the limits of its values.
    pub fn is_of_this_model(&self) -> bool {
        self.is_empty() && self.is_noted
    }

    /// Nothing is lost by it.
    pub fn is_safe(&self) -> bool {
        self.risk() < Risk::Loses
    }

    pub fn risk(&self) -> Risk {
        self.steps
            .iter()
            .map(|step| step.risk)
            .max()
            .unwrap_or(Risk::Safe)
    }

    /// The script, as [`apply`] runs it.
    pub fn script(&self, at: Timestamp) -> Vec<String> {
        let mut script: Vec<String> = self
            .steps
            .iter()
            .flat_map(|step| step.sql.iter().cloned())
            .collect();
        script.push(self.record(at));
        script
    }

    /// Notes what has been applied. The number is the table's key, so that of two who migrate
    /// at once only one does.
    fn record(&self, at: Timestamp) -> String {
        let steps: Vec<&str> = self.steps.iter().map(|step| step.what.as_str()).collect();
        let steps = serde_json::Value::from(steps).to_string();
        let time = match self.dialect {
            Dialect::Sqlite => at.0.to_string(),
            Dialect::Postgres => {
                format!("timestamptz 'epoch' + {} * interval '1 millisecond'", at.0)
            }
        };
        format!(
            "INSERT INTO \"{}\" (\"id\", \"system\", \"applied\", \"steps\", \"at\") \
             VALUES ({}, {}, {}, {}, {time})",
            system::MIGRATIONS,
            self.target.number,
            self.target.system,
            literal(&self.target.to_json()),
            literal(&steps),
        )
    }
}

/// What has been applied to a database last; `None` if it is new.
///
/// # Errors
/// When the database does not answer, or holds what this release cannot read.
pub async fn applied(driver: &dyn Driver) -> Result<Option<Applied>, StoreError> {
    let tables = match driver.dialect() {
        Dialect::Sqlite => "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = ",
        Dialect::Postgres => {
            "SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_name = "
        }
    };
    let there = statement(
        format!("{tables}{}", literal(system::MIGRATIONS)),
        &[Storage::Int],
    );
    if count(driver, &there).await? == 0 {
        return Ok(None);
    }
    let last = statement(
        format!(
            "SELECT \"id\", \"system\", \"applied\" FROM \"{}\" ORDER BY \"id\" DESC LIMIT 1",
            system::MIGRATIONS
        ),
        &[Storage::Int, Storage::Int, Storage::Text],
    );
    let rows = driver.query(&last, &[]).await?;
    match rows.iter().next() {
        None => Ok(None),
        Some([Value::Int(number), Value::Int(system), Value::Text(json)]) => {
            let system = u32::try_from(*system).unwrap_or(u32::MAX);
            if system > system::VERSION {
                return Err(StoreError::Newer);
            }
            Applied::from_json(json, *number, system).map(Some)
        }
        Some(_) => Err(corrupt("the table of migrations holds something else")),
    }
}

/// How often the tables have been changed since they were made. Cheap enough to be asked often.
///
/// # Errors
/// When the database does not answer, or has never been migrated.
pub async fn times(driver: &dyn Driver) -> Result<u64, StoreError> {
    static LAST: LazyLock<Arc<Statement>> = LazyLock::new(|| {
        Arc::new(Statement {
            text: Cow::Owned(format!(
                "SELECT MAX(\"id\") FROM \"{}\"",
                system::MIGRATIONS
            )),
            parameters: vec![],
            columns: vec![Storage::Int],
            cost: Cost::Short,
        })
    });
    match driver.query(&LAST, &[]).await?.cells.first() {
        Some(Value::Int(number)) => Ok(changes(*number)),
        _ => Err(corrupt("the table of migrations is empty")),
    }
}

/// What the number of a migration says. The first one makes the tables.
fn changes(number: i64) -> u64 {
    u64::try_from(number.saturating_sub(1)).unwrap_or(0)
}

/// Asks the data whether the plan fits it: what stands in the way.
///
/// # Errors
/// When the database does not answer.
pub async fn check(driver: &dyn Driver, plan: &Plan) -> Result<Vec<Refusal>, StoreError> {
    let mut refusals = Vec::new();
    for probe in plan.steps.iter().flat_map(|step| &step.probes) {
        let found = count(driver, &probe.statement).await?;
        if found > 0 {
            let mut refusal = probe.refusal.clone();
            refusal.what = refusal.what.replace("{n}", &found.to_string());
            refusals.push(refusal);
        }
    }
    Ok(refusals)
}

/// How many rows each step goes over, where it does.
///
/// # Errors
/// When the database does not answer.
pub async fn touched_rows(
    driver: &dyn Driver,
    plan: &Plan,
) -> Result<Vec<Option<i64>>, StoreError> {
    let mut touched = Vec::new();
    for step in &plan.steps {
        touched.push(match &step.touches_rows {
            Some(statement) => Some(count(driver, statement).await?),
            None => None,
        });
    }
    Ok(touched)
}

/// Why a plan was not applied. Nothing has changed then.
#[derive(Debug)]
pub enum ApplyError {
    /// The data does not fit.
    Refused(Vec<Refusal>),
    /// Steps that lose data, and nobody allowed it: what they do.
    Loses(Vec<String>),
    /// Another process has migrated meanwhile: look again.
    Overtaken,
    Store(StoreError),
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApplyError::Refused(refusals) => {
                for (at, refusal) in refusals.iter().enumerate() {
                    write!(f, "{}{refusal}", if at > 0 { "\n" } else { "" })?;
                }
                Ok(())
            }
            ApplyError::Loses(steps) => {
                write!(
                    f,
                    "this loses data: {}; allow it with --allow-data-loss",
                    steps.join("; ")
                )
            }
            ApplyError::Overtaken => {
                f.write_str("another process has migrated the database meanwhile; look again")
            }
            ApplyError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ApplyError {}

impl From<StoreError> for ApplyError {
    fn from(error: StoreError) -> Self {
        ApplyError::Store(error)
    }
}

/// Applies a plan in one transaction and notes it, if the data fits and nothing is lost that
/// may not be.
///
/// # Errors
/// See [`ApplyError`].
pub async fn apply(
    driver: &dyn Driver,
    plan: &Plan,
    at: Timestamp,
    allow_data_loss: bool,
) -> Result<(), ApplyError> {
    let loses = |step: &&Step| step.risk == Risk::Loses;
    if !allow_data_loss && !plan.is_safe() {
        let steps = plan
            .steps
            .iter()
            .filter(loses)
            .map(|step| step.what.clone())
            .collect();
        return Err(ApplyError::Loses(steps));
    }
    let refusals = check(driver, plan).await?;
    if !refusals.is_empty() {
        return Err(ApplyError::Refused(refusals));
    }
    let Err(error) = driver.migrate(&plan.script(at)).await else {
        return Ok(());
    };
    // Of two who migrate at once one fails with whatever the other has done before it.
    match applied(driver).await {
        Ok(Some(now)) if now.number >= plan.target.number => Err(ApplyError::Overtaken),
        _ => Err(ApplyError::Store(error)),
    }
}

/// Writes down what the model allows, when that is all that changed: limits that are looser than
/// before, or that an older release did not write down. From then on tightening them is noticed.
/// To be called before records are written by the model.
///
/// # Errors
/// When the database cannot keep it.
pub async fn note(driver: &dyn Driver, plan: &Plan) -> Result<(), StoreError> {
    if !plan.is_empty() || plan.is_noted {
        return Ok(());
    }
    // It is no migration: nobody has to run it, and it does not count as one.
    let update = format!(
        "UPDATE \"{}\" SET \"applied\" = {} WHERE \"id\" = {}",
        system::MIGRATIONS,
        literal(&plan.target.to_json()),
        plan.target.number - 1,
    );
    driver.migrate(&[update]).await
}

/// Brings a database to a model: reads what was applied, plans, applies. `false` if there was
/// nothing to do.
///
/// # Errors
/// See [`ApplyError`].
pub async fn bring(
    driver: &dyn Driver,
    model: &model::Model,
    at: Timestamp,
    allow_data_loss: bool,
) -> Result<bool, ApplyError> {
    let applied = applied(driver).await?;
    let plan = plan(applied.as_ref(), model, driver.dialect()).map_err(ApplyError::Refused)?;
    if plan.is_empty() {
        note(driver, &plan).await?;
        return Ok(false);
    }
    apply(driver, &plan, at, allow_data_loss).await?;
    Ok(true)
}

async fn count(driver: &dyn Driver, counting: &Arc<Statement>) -> Result<i64, StoreError> {
    match driver.query(counting, &[]).await?.cells.first() {
        Some(Value::Int(count)) => Ok(*count),
        _ => Err(corrupt("a count is no number")),
    }
}

fn statement(text: String, columns: &[Storage]) -> Arc<Statement> {
    Arc::new(Statement {
        text: Cow::Owned(text),
        parameters: vec![],
        columns: columns.to_vec(),
        cost: Cost::Long,
    })
}
