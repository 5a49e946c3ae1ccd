//! Numbering committed entries, where positions are not given while writing.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use super::{END, TABLE};
use crate::driver::{BoxFuture, Cost, Isolation, Statement, Storage, Transaction, Undo, Work};

/// Entries numbered at once: others who read the feed wait for no more than these.
const NUMBERED_AT_ONCE: u32 = 5_000;

/// Whether anything is committed that has no position: one look into an index that holds
/// nothing else.
pub(super) fn waiting() -> Arc<Statement> {
    static WAITING: LazyLock<Arc<Statement>> = LazyLock::new(|| {
        statement(
            format!("SELECT EXISTS (SELECT 1 FROM \"{TABLE}\" WHERE \"position\" IS NULL)"),
            vec![Storage::Bool],
        )
    });
    Arc::clone(&WAITING)
}

/// One at a time: the row of the last position is the lock. Numbers are given in a statement of
/// its own after the lock is had, so that it sees all that those before it have done.
pub(super) struct Numbering;

impl Work for Numbering {
    fn run<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
    ) -> BoxFuture<'a, Result<(), Undo>> {
        static LOCK: LazyLock<Arc<Statement>> = LazyLock::new(|| {
            let text = format!("SELECT \"position\" FROM \"{END}\" FOR UPDATE");
            statement(text, vec![Storage::Int])
        });
        static NUMBER: LazyLock<Arc<Statement>> = LazyLock::new(|| {
            let text = format!(
                "WITH \"numbered\" AS (UPDATE \"{TABLE}\" AS \"entry\" \
                 SET \"position\" = \"next\".\"position\" FROM (SELECT \"waiting\".\"id\", \
                 (SELECT \"position\" FROM \"{END}\") + row_number() OVER (ORDER BY \"waiting\".\"id\") \
                 AS \"position\" FROM (SELECT \"id\" FROM \"{TABLE}\" WHERE \"position\" IS NULL \
                 ORDER BY \"id\" LIMIT {NUMBERED_AT_ONCE}) AS \"waiting\") AS \"next\" \
                 WHERE \"entry\".\"id\" = \"next\".\"id\" RETURNING 1) \
                 UPDATE \"{END}\" SET \"position\" = \"position\" + (SELECT COUNT(*) FROM \"numbered\")"
            );
            statement(text, vec![])
        });
        Box::pin(async move {
            transaction.query(&LOCK, &[]).await?;
            transaction.execute(&NUMBER, &[]).await?;
            Ok(())
        })
    }

    fn isolation(&self) -> Isolation {
        Isolation::Latest
    }
}

fn statement(text: String, columns: Vec<Storage>) -> Arc<Statement> {
    Arc::new(Statement {
        text: Cow::Owned(text),
        parameters: vec![],
        columns,
        cost: Cost::Short,
    })
}
