//! Moving a family on: one statement that compares and sets, which a database commits together
//! with others of the kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::driver::{BoxFuture, Dialect, Driver, Isolation, Rows, Undo};
use store::people::FAMILIES;
use store::table::{Set, Test};
use store::{Prepared, Sole, StoreError, Transaction, Work};
use value::{Timestamp, Value};

/// The statement. Gives the family if it was moved on.
pub(super) fn statement(dialect: Dialect) -> Prepared {
    FAMILIES.change(
        dialect,
        &[
            Set::To("hash"),
            Set::To("previous"),
            Set::To("rotated_at"),
            Set::To("idle_until"),
        ],
        &[Test::Is("id"), Test::Is("hash"), Test::IsNull("ended_at")],
    )
}

/// From one token to the next.
pub(super) struct Rotation<'a> {
    pub id: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    pub idle_until: Timestamp,
    pub now: Timestamp,
}

impl Rotation<'_> {
    /// Whether it was this one that moved the family on.
    pub async fn run(&self, driver: &dyn Driver, statement: &Prepared) -> Result<bool, StoreError> {
        let text = |text: &str| Value::Text(text.to_owned());
        let parameters = statement.bind_args(&[
            text(self.to),
            text(self.from),
            Value::Timestamp(self.now),
            Value::Timestamp(self.idle_until),
            text(self.id),
            text(self.from),
        ]);
        let moved = Arc::new(AtomicBool::new(false));
        let work = One {
            sole: Sole {
                statement: Arc::clone(&statement.statement),
                parameters,
            },
            moved: Arc::clone(&moved),
        };
        match driver.write(Box::new(work)).await {
            Ok(()) => Ok(moved.load(Ordering::Acquire)),
            Err(Undo::Store(error)) => Err(error),
            Err(Undo::Refused) => Err(StoreError::Internal {
                reason: "a statement does not refuse".to_owned(),
            }),
        }
    }
}

struct One {
    sole: Sole,
    /// Left here, since the work goes on without its caller.
    moved: Arc<AtomicBool>,
}

impl Work for One {
    fn run<'a>(&'a mut self, tx: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            let Sole {
                statement,
                parameters,
            } = &self.sole;
            let rows = tx.query(statement, parameters).await?;
            self.done(rows);
            Ok(())
        })
    }

    /// It decides by nothing that it has read before.
    fn isolation(&self) -> Isolation {
        Isolation::Latest
    }

    fn sole(&mut self) -> Option<Sole> {
        Some(self.sole.clone())
    }

    fn done(&mut self, rows: Rows) {
        self.moved.store(!rows.is_empty(), Ordering::Release);
    }
}
