//! Forgetting what is old, so that the rest can still be verified: the last entry that goes leaves
//! an anchor with its hash, which the next one follows.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;
use store::driver::{BoxFuture, Isolation, Transaction, Undo, Work};
use store::people::{self, AUDIT};
use store::table::{Order, Test};
use store::{Prepared, StoreError};
use value::{Timestamp, Value};

use crate::action::Action;
use crate::chain::{Chain, For};
use crate::entry::{Actor, Entry, Kept};
use crate::log::{Audit, AuditError, after};
use crate::read::Filter;
use crate::verify::Wrong;

/// The detail of an anchor: the hash of the entry in whose place it is.
const HASH: &str = "hash";

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub entries: u64,
    /// Up to which.
    pub to: Option<i64>,
}

/// Why nothing is forgotten.
#[derive(Debug)]
pub enum PruneError {
    /// Then what could show how it was broken would go.
    Wrong(Wrong),
    Audit(AuditError),
}

impl fmt::Display for PruneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PruneError::Wrong(wrong) => write!(f, "the chain is broken: {wrong}"),
            PruneError::Audit(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PruneError {}

impl From<StoreError> for PruneError {
    fn from(error: StoreError) -> PruneError {
        PruneError::Audit(error.into())
    }
}

pub(crate) fn is_anchor(entry: &Kept) -> bool {
    entry.action == Action::AuditAnchor.name()
}

/// The hash of the entry in whose place an anchor is.
pub(crate) fn anchored(entry: &Kept) -> Option<String> {
    if !is_anchor(entry) {
        return None;
    }
    let detail: Json = serde_json::from_str(&entry.detail).ok()?;
    Some(detail.get(HASH)?.as_str()?.to_owned())
}

impl Audit {
    /// Forgets what was done before a time, as far as nothing younger stands before it, and writes
    /// down that it did. A chain that is broken is left, unless `unverified`.
    ///
    /// # Errors
    /// When the chain is broken, or the database cannot or does not answer.
    pub async fn prune(
        &self,
        before: Timestamp,
        actor: &Actor,
        now: Timestamp,
        unverified: bool,
    ) -> Result<Pruned, PruneError> {
        if !unverified && let Some(wrong) = self.verify(&[]).await?.wrong {
            return Err(PruneError::Wrong(wrong));
        }
        let mut done = Pruned::default();
        let Some(end) = self.end_of_old(before).await? else {
            return Ok(done);
        };
        loop {
            let page = self.after(0, &Filter::default()).await?;
            let mut positions = page.iter().rev().map(|entry| entry.position);
            let Some(to) = positions.find(|position| *position <= end) else {
                break;
            };
            let has_anchor = page.first().is_some_and(is_anchor);
            if has_anchor && page[0].position == to {
                break;
            }
            let removed = self.anchor(to, actor).await?;
            done.entries += removed.saturating_sub(u64::from(has_anchor));
            done.to = Some(to);
        }
        if let Some(to) = done.to {
            let entry = Entry::new(now, Action::AuditPruned, actor)
                .detail("entries", done.entries)
                .detail("to", to)
                .detail("before", before.to_string());
            self.append(&entry).await.map_err(PruneError::Audit)?;
        }
        Ok(done)
    }

    /// The last entry that is old, with none younger before it.
    async fn end_of_old(&self, before: Timestamp) -> Result<Option<i64>, StoreError> {
        let young = Filter {
            since: Some(before),
            ..Filter::default()
        };
        let ascending = Order::Ascending("position");
        let young = self.some(&young, 0, ascending, 1).await?;
        if let Some(young) = young.first() {
            return Ok(Some(young.position - 1).filter(|end| *end > 0));
        }
        let descending = Order::Descending("position");
        let last = self.some(&Filter::default(), 0, descending, 1).await?;
        Ok(last.first().map(|last| last.position))
    }

    /// Puts an anchor in the place of an entry and removes all before. How many rows went, that
    /// entry's among them.
    async fn anchor(&self, to: i64, actor: &Actor) -> Result<u64, StoreError> {
        let dialect = self.driver.dialect();
        let removed = Arc::new(Mutex::new(0));
        let work = Anchor {
            to,
            actor: actor.clone(),
            chain: self.chain.clone(),
            lock: people::lock_audit(dialect),
            find: AUDIT.find(dialect, &[Test::Is("position")]),
            delete: AUDIT.delete(
                dialect,
                &[Test::Above("position"), Test::AtMost("position")],
            ),
            insert: AUDIT.insert(dialect),
            removed: Arc::clone(&removed),
        };
        match self.driver.write(Box::new(work)).await {
            Ok(()) => {}
            Err(Undo::Store(error)) => return Err(error),
            Err(Undo::Refused) => {
                return Err(StoreError::Corrupt {
                    reason: format!("the audit log has no entry {to}"),
                });
            }
        }
        let removed = *removed.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(removed)
    }
}

struct Anchor {
    to: i64,
    actor: Actor,
    chain: Chain,
    lock: Option<Prepared>,
    find: Prepared,
    delete: Prepared,
    insert: Prepared,
    removed: Arc<Mutex<u64>>,
}

impl Work for Anchor {
    fn run<'a>(&'a mut self, tx: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            if let Some(lock) = &self.lock {
                tx.query(&lock.statement, &[]).await?;
            }
            let position = Value::Int(self.to);
            let arguments = self.find.bind_args(std::slice::from_ref(&position));
            let rows = tx.query(&self.find.statement, &arguments).await?;
            let Some(row) = AUDIT.rows(&rows).next() else {
                return Err(Undo::Refused);
            };
            let entry = Kept::of(&row)?;
            let anchor =
                Entry::new(entry.at, Action::AuditAnchor, &self.actor).detail(HASH, after(&entry));
            let kept = anchor.kept(self.to);
            let hash = self.chain.hash(For::Anchor, &kept);
            let arguments = self.delete.bind_args(&[Value::Int(0), position]);
            let removed = tx.execute(&self.delete.statement, &arguments).await?;
            let row = anchor.row(self.to, kept.detail, hash);
            tx.execute(&self.insert.statement, &self.insert.bind_args(&row))
                .await?;
            *self.removed.lock().unwrap_or_else(PoisonError::into_inner) = removed;
            Ok(())
        })
    }

    /// As for numbering: it takes the same lock.
    fn isolation(&self) -> Isolation {
        Isolation::Latest
    }
}
