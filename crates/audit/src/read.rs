//! Entries for whoever wants to know.

use store::StoreError;
use store::people::AUDIT;
use store::table::{Order, Test};
use value::{Timestamp, Value};

use crate::entry::Kept;
use crate::log::Audit;

/// The most entries listed at once.
pub const LISTED_MAX: u32 = 10_000;
/// Entries read at once by who reads all.
pub(crate) const PAGE: u32 = 1_000;

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From then on.
    pub since: Option<Timestamp>,
    pub action: Option<String>,
    pub actor: Option<String>,
    pub subject: Option<String>,
}

impl Filter {
    fn tests(&self) -> (Vec<Test>, Vec<Value>) {
        let mut tests = vec![];
        let mut values = vec![];
        if let Some(since) = self.since {
            tests.push(Test::Above("at"));
            values.push(Value::Timestamp(Timestamp(since.0.saturating_sub(1))));
        }
        let texts = [
            ("action", &self.action),
            ("actor", &self.actor),
            ("subject", &self.subject),
        ];
        for (column, text) in texts {
            if let Some(text) = text {
                tests.push(Test::Is(column));
                values.push(Value::Text(text.clone()));
            }
        }
        (tests, values)
    }
}

impl Audit {
    /// The newest entries, newest first.
    ///
    /// # Errors
    /// When the database cannot or does not answer.
    pub async fn list(&self, filter: &Filter, most: u32) -> Result<Vec<Kept>, StoreError> {
        self.settle().await?;
        let order = Order::Descending("position");
        self.some(filter, 0, order, most.min(LISTED_MAX)).await
    }

    /// The next entries after a position, oldest first; none after the last. Whoever begins calls
    /// [`Audit::settle`] before.
    ///
    /// # Errors
    /// When the database cannot or does not answer.
    pub async fn after(&self, position: i64, filter: &Filter) -> Result<Vec<Kept>, StoreError> {
        self.some(filter, position, Order::Ascending("position"), PAGE)
            .await
    }

    pub(crate) async fn some(
        &self,
        filter: &Filter,
        above: i64,
        order: Order,
        most: u32,
    ) -> Result<Vec<Kept>, StoreError> {
        let (mut tests, mut values) = filter.tests();
        tests.push(Test::Above("position"));
        values.push(Value::Int(above.max(0)));
        let list = AUDIT.list(self.driver.dialect(), &tests, order, most);
        let rows = self
            .driver
            .query(&list.statement, &list.bind_args(&values))
            .await?;
        AUDIT.rows(&rows).map(|row| Kept::of(&row)).collect()
    }
}
