//! Keys that the server makes for itself when they are first needed, and then keeps.

use aws_lc_rs::rand;
use store::driver::{Driver, StoreError};
use store::people::SEALED;
use store::secrets::KEPT;
use store::table::{Set, Table, Test};
use value::{Timestamp, Value};
use zeroize::Zeroizing;

use crate::place::Place;
use crate::sealed::{Vault, VaultError};
use crate::secrets::SecretError;

/// Begins the names of keys among people's secrets, where no name of theirs can begin so.
const OWN: &str = "frontdesk/";

/// A key of 32 random bytes that is made when it is first asked for and then stays. Sealed where
/// there is a vault, also if it has lain open before; without a vault it lies open.
///
/// # Errors
/// When the database cannot keep it, or it is sealed and cannot be opened.
pub async fn kept_key(
    driver: &dyn Driver,
    vault: Option<&Vault>,
    name: &str,
    now: Timestamp,
) -> Result<Zeroizing<[u8; 32]>, SecretError> {
    if let Some(text) = find(driver, &KEPT, name).await? {
        return opened(driver, vault, name, &text).await;
    }
    let made = random()?;
    let text = hex(&made);
    let value = match vault {
        Some(vault) => Place::OWN.seal(vault, name, text.as_bytes())?,
        None => text.as_str().to_owned(),
    };
    let row = KEPT.row([
        ("name", Value::Text(name.to_owned())),
        ("value", Value::Text(value)),
        ("created_at", Value::Timestamp(now)),
    ]);
    store::execute(driver, vec![(KEPT.insert_new(driver.dialect()), row)]).await?;
    // Another process may have been faster; then its key is the one that counts.
    let text = find(driver, &KEPT, name).await?.ok_or_else(gone)?;
    opened(driver, vault, name, &text).await
}

async fn opened(
    driver: &dyn Driver,
    vault: Option<&Vault>,
    name: &str,
    text: &str,
) -> Result<Zeroizing<[u8; 32]>, SecretError> {
    if Vault::is_sealed(text) {
        let vault = vault.ok_or(SecretError::NoMasterKey)?;
        return read(&Place::OWN.open(vault, name, text)?);
    }
    let key = read(text.as_bytes())?;
    if let Some(vault) = vault {
        let sealed = Place::OWN.seal(vault, name, text.as_bytes())?;
        let tests = [Test::Is("name"), Test::Is("value")];
        let update = KEPT.update(driver.dialect(), &[Set::To("value")], &tests);
        let arguments = [&sealed, name, text].map(|text| Value::Text(text.to_owned()));
        store::execute(driver, vec![(update, arguments.into())]).await?;
    }
    Ok(key)
}

/// The same where an open one would be worth nothing: it is sealed from the beginning, and one
/// that somebody has put there who does not have the master key is refused.
///
/// # Errors
/// When the database cannot keep it, or it cannot be opened.
pub async fn sealed_key(
    driver: &dyn Driver,
    vault: &Vault,
    name: &str,
    now: Timestamp,
) -> Result<Zeroizing<[u8; 32]>, SecretError> {
    let name = format!("{OWN}{name}");
    if let Some(text) = find(driver, &SEALED, &name).await? {
        return read(&Place::SECRET.open(vault, &name, &text)?);
    }
    let sealed = Place::SECRET.seal(vault, &name, hex(&*random()?).as_bytes())?;
    let row = SEALED.row([
        ("name", Value::Text(name.clone())),
        ("value", Value::Text(sealed)),
        ("created_at", Value::Timestamp(now)),
        ("updated_at", Value::Timestamp(now)),
    ]);
    store::execute(driver, vec![(SEALED.insert_new(driver.dialect()), row)]).await?;
    let text = find(driver, &SEALED, &name).await?.ok_or_else(gone)?;
    read(&Place::SECRET.open(vault, &name, &text)?)
}

/// Whether there is such a key already.
///
/// # Errors
/// When the database cannot or does not answer.
pub async fn has_sealed_key(driver: &dyn Driver, name: &str) -> Result<bool, StoreError> {
    let found = find(driver, &SEALED, &format!("{OWN}{name}")).await?;
    Ok(found.is_some())
}

async fn find(
    driver: &dyn Driver,
    table: &'static Table,
    name: &str,
) -> Result<Option<Zeroizing<String>>, StoreError> {
    let find = table.find(driver.dialect(), &[Test::Is("name")]);
    let arguments = find.bind_args(&[Value::Text(name.to_owned())]);
    let rows = driver.query(&find.statement, &arguments).await?;
    let row = table.rows(&rows).next();
    row.map(|row| row.text("value").map(Zeroizing::new))
        .transpose()
}

fn gone() -> StoreError {
    StoreError::Internal {
        reason: "a key that was just kept is gone".to_owned(),
    }
}

fn random() -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let mut key = Zeroizing::new([0; 32]);
    rand::fill(&mut *key).map_err(|_| VaultError::NoRandomness)?;
    Ok(key)
}

fn hex(key: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(key.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read(text: &[u8]) -> Result<Zeroizing<[u8; 32]>, SecretError> {
    let mut key = Zeroizing::new([0; 32]);
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != key.len() || !rest.is_empty() {
        return Err(VaultError::Malformed.into());
    }
    for (byte, [high, low]) in key.iter_mut().zip(pairs) {
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
            return Err(VaultError::Malformed.into());
        };
        *byte = (high << 4 | low) as u8;
    }
    Ok(key)
}
