//! A new master key takes over: every data key is wrapped anew, while servers run.

use store::driver::{Driver, StoreError};
use store::table::{Order, Set, Test};
use value::Value;

use crate::place::Place;
use crate::sealed::{Vault, VaultError};

/// Rows read at once.
const PAGE: u32 = 100;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Values that are under the current master key since now.
    pub renewed: u64,
    /// Values that were already.
    pub current: u64,
    /// What could not be opened: the table, the key of the row, and why.
    pub failed: Vec<(&'static str, String, VaultError)>,
}

/// What is to become of values that cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// They stay, and are told.
    Keep,
    /// They go, and are told: their master key is lost.
    Discard,
}

/// Wraps the data key of every sealed value with the current master key, and seals what lies
/// open. May be ended at any time and run again; a value that is changed meanwhile keeps its
/// change.
///
/// # Errors
/// When the database cannot or does not answer.
pub async fn rewrap(
    driver: &dyn Driver,
    vault: &Vault,
    unreadable: Unreadable,
) -> Result<Rewrapped, StoreError> {
    let mut done = Rewrapped::default();
    for place in Place::ALL {
        rewrap_in(driver, vault, place, unreadable, &mut done).await?;
    }
    Ok(done)
}

async fn rewrap_in(
    driver: &dyn Driver,
    vault: &Vault,
    place: &Place,
    unreadable: Unreadable,
    done: &mut Rewrapped,
) -> Result<(), StoreError> {
    let dialect = driver.dialect();
    let (table, key, column) = (place.table, place.key, place.column);
    let list = table.list(
        dialect,
        &[Test::Above(key), Test::NotNull(column)],
        Order::Ascending(key),
        PAGE,
    );
    let mut last = String::new();
    loop {
        let arguments = list.bind_args(&[Value::Text(last.clone())]);
        let rows = driver.query(&list.statement, &arguments).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in table.rows(&rows) {
            let id = row.text(key)?;
            let old = row.text(column)?;
            let purpose = place.purpose(&id);
            let new = match place.may_be_plain && !Vault::is_sealed(&old) {
                true => vault.seal(&purpose, old.as_bytes()).map(Some),
                false => vault.rewrap(&purpose, &old),
            };
            match new {
                Ok(None) => done.current += 1,
                Err(error) => {
                    if unreadable == Unreadable::Discard {
                        discard(driver, place, &id, &old).await?;
                    }
                    done.failed.push((table.name, id.clone(), error));
                }
                Ok(Some(new)) => {
                    let tests = [Test::Is(key), Test::Is(column)];
                    let update = table.update(dialect, &[Set::To(column)], &tests);
                    let arguments = [new, id.clone(), old].map(Value::Text).into();
                    done.renewed += store::execute(driver, vec![(update, arguments)]).await?;
                }
            }
            last = id;
        }
    }
}

/// Takes a value away, unless it is another by now.
async fn discard(
    driver: &dyn Driver,
    place: &Place,
    id: &str,
    value: &str,
) -> Result<(), StoreError> {
    let tests = [Test::Is(place.key), Test::Is(place.column)];
    let statement = match place.goes_with_it {
        [] => place.table.delete(driver.dialect(), &tests),
        columns => {
            let sets: Vec<Set> = columns.iter().map(|column| Set::Null(column)).collect();
            place.table.update(driver.dialect(), &sets, &tests)
        }
    };
    let arguments = [id, value].map(|text| Value::Text(text.to_owned()));
    store::execute(driver, vec![(statement, arguments.into())]).await?;
    Ok(())
}
