//! How keys come and go: each change is one transaction that looks before it writes, so that
//! nodes that change at the same time do it once.

use std::sync::Arc;

use store::driver::{BoxFuture, Dialect, Rows, StoreError, Transaction};
use store::people::SIGNING_KEYS;
use store::table::{Row, Set, Test};
use value::{Timestamp, Value};

use super::ring::{Times, due};
use super::{
    Fresh, KEPT_FOR, PUBLISHED_AHEAD, ROTATED_EVERY, Signing, SigningError, later, of_algorithm,
};
use crate::denied::What;
use crate::jws::Algorithm;

/// When the next key is to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// As soon as it has been published long enough.
    Published,
    /// At once. Who keeps the key set without asking again for a key that is not in it refuses
    /// what the key signs, for as long as they keep it.
    Now,
}

/// What became of a key that was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Which signs in its place, if it was the one.
    pub successor: Option<String>,
}

/// What a change works on.
struct Change {
    dialect: Dialect,
    algorithm: Algorithm,
    now: Timestamp,
    fresh: Fresh,
}

impl Signing {
    /// Makes the next key unless somebody else has. Whether it was made here.
    pub(super) async fn make_next(
        &self,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<bool, SigningError> {
        let change = self.change(algorithm, now).await?;
        let made: Result<bool, ()> = store::transact(&*self.driver, move |tx| {
            let change = Arc::clone(&change);
            Box::pin(async move {
                let rows = change.rows(tx).await?;
                let Some(signs_at) = due(times(&rows)?.into_iter(), change.now) else {
                    return Ok(Ok(false));
                };
                change.insert(tx, signs_at).await?;
                change.forget(tx, &rows).await?;
                Ok(Ok(true))
            })
        })
        .await?;
        Ok(made == Ok(true))
    }

    pub(super) async fn bring_forward(
        &self,
        algorithm: Algorithm,
        when: When,
        now: Timestamp,
    ) -> Result<(), SigningError> {
        let change = self.change(algorithm, now).await?;
        let done: Result<(), ()> = store::transact(&*self.driver, move |tx| {
            let change = Arc::clone(&change);
            Box::pin(async move {
                let rows = change.rows(tx).await?;
                let published = |created_at| match when {
                    When::Now => change.now,
                    When::Published => later(created_at, PUBLISHED_AHEAD).max(change.now),
                };
                match change.next(&rows)? {
                    Some((kid, times)) => {
                        let signs_at = published(times.created_at).min(times.signs_at);
                        change.sign_from(tx, &kid, signs_at).await?;
                    }
                    None => change.insert(tx, published(change.now)).await?,
                }
                Ok(Ok(()))
            })
        })
        .await?;
        done.map_err(|()| SigningError::Unknown)
    }

    pub(super) async fn take_back(
        &self,
        kid: &str,
        now: Timestamp,
    ) -> Result<Revoked, SigningError> {
        let algorithm = {
            let ring = self.ring();
            let key = ring.get(kid).ok_or(SigningError::Unknown)?;
            key.algorithm
        };
        let until = later(now, KEPT_FOR);
        let change = self.change(algorithm, now).await?;
        let kid = kid.to_owned();
        let taken: Result<Revoked, ()> = store::transact(&*self.driver, move |tx| {
            let (change, kid) = (Arc::clone(&change), kid.clone());
            Box::pin(async move {
                if !change.revoke(tx, &kid).await? {
                    return Ok(Err(()));
                }
                let what = What::Key(kid.clone());
                let (insertion, row) = what.insertion(change.dialect, until, change.now);
                let parameters = insertion.bind_args(&row);
                tx.execute(&insertion.statement, &parameters).await?;
                let rows = change.rows(tx).await?;
                if !change.was_last(&rows, &kid)? {
                    return Ok(Ok(Revoked { successor: None }));
                }
                let successor = match change.next(&rows)? {
                    Some((next, _)) => {
                        change.sign_from(tx, &next, change.now).await?;
                        next
                    }
                    None => {
                        change.insert(tx, change.now).await?;
                        change.fresh.kid.clone()
                    }
                };
                Ok(Ok(Revoked {
                    successor: Some(successor),
                }))
            })
        })
        .await?;
        taken.map_err(|()| SigningError::Unknown)
    }

    async fn change(
        &self,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Arc<Change>, SigningError> {
        Ok(Arc::new(Change {
            dialect: self.driver.dialect(),
            algorithm,
            now,
            fresh: self.fresh(algorithm).await?,
        }))
    }
}

impl Change {
    /// The keys of the algorithm.
    fn rows<'a>(&'a self, tx: &'a mut dyn Transaction) -> BoxFuture<'a, Result<Rows, StoreError>> {
        Box::pin(async move {
            let find = of_algorithm(self.dialect);
            let algorithm = Value::Text(self.algorithm.name().to_owned());
            let parameters = find.bind_args(&[algorithm]);
            tx.query(&find.statement, &parameters).await
        })
    }

    /// The key that will sign.
    fn next(&self, rows: &Rows) -> Result<Option<(String, Times)>, StoreError> {
        for row in SIGNING_KEYS.rows(rows) {
            let times = times_of(&row)?;
            if !times.revoked && times.signs_at > self.now {
                return Ok(Some((row.text("id")?, times)));
            }
        }
        Ok(None)
    }

    /// Whether no other key has begun to sign after this one.
    fn was_last(&self, rows: &Rows, kid: &str) -> Result<bool, StoreError> {
        let mut begun: Option<(Timestamp, String)> = None;
        for row in SIGNING_KEYS.rows(rows) {
            let times = times_of(&row)?;
            let id = row.text("id")?;
            if times.signs_at <= self.now && (!times.revoked || id == kid) {
                begun = begun.max(Some((times.signs_at, id)));
            }
        }
        Ok(begun.is_some_and(|(_, last)| last == kid))
    }

    async fn insert(
        &self,
        tx: &mut dyn Transaction,
        signs_at: Timestamp,
    ) -> Result<(), StoreError> {
        let row = SIGNING_KEYS.row([
            ("id", Value::Text(self.fresh.kid.clone())),
            ("algorithm", Value::Text(self.fresh.algorithm.name().into())),
            ("public", Value::Json(self.fresh.public.clone().into())),
            ("private", Value::Text(self.fresh.private.clone())),
            ("created_at", Value::Timestamp(self.now)),
            ("signs_at", Value::Timestamp(signs_at)),
        ]);
        let insert = SIGNING_KEYS.insert(self.dialect);
        tx.execute(&insert.statement, &insert.bind_args(&row))
            .await
            .map(drop)
    }

    async fn sign_from(
        &self,
        tx: &mut dyn Transaction,
        kid: &str,
        signs_at: Timestamp,
    ) -> Result<(), StoreError> {
        let update = SIGNING_KEYS.update(self.dialect, &[Set::To("signs_at")], &[Test::Is("id")]);
        let arguments = [Value::Timestamp(signs_at), Value::Text(kid.to_owned())];
        tx.execute(&update.statement, &update.bind_args(&arguments))
            .await
            .map(drop)
    }

    /// Whether there was one to revoke.
    async fn revoke(&self, tx: &mut dyn Transaction, kid: &str) -> Result<bool, StoreError> {
        let tests = [Test::Is("id"), Test::IsNull("revoked_at")];
        let update = SIGNING_KEYS.update(self.dialect, &[Set::To("revoked_at")], &tests);
        let arguments = [Value::Timestamp(self.now), Value::Text(kid.to_owned())];
        let changed = tx
            .execute(&update.statement, &update.bind_args(&arguments))
            .await?;
        Ok(changed > 0)
    }

    /// Deletes keys that have been of no use for long: some may still ask what a key was.
    async fn forget(&self, tx: &mut dyn Transaction, rows: &Rows) -> Result<(), StoreError> {
        const KEPT_ROTATIONS: u32 = 6;
        let delete = SIGNING_KEYS.delete(self.dialect, &[Test::Is("id")]);
        for row in SIGNING_KEYS.rows(rows) {
            let times = times_of(&row)?;
            if later(times.signs_at, ROTATED_EVERY * KEPT_ROTATIONS) > self.now {
                continue;
            }
            // Whatever comes after the newest one that signs is no older than it.
            if !self.was_last(rows, &row.text("id")?)? {
                let arguments = [Value::Text(row.text("id")?)];
                tx.execute(&delete.statement, &delete.bind_args(&arguments))
                    .await?;
            }
        }
        Ok(())
    }
}

fn times(rows: &Rows) -> Result<Vec<Times>, StoreError> {
    SIGNING_KEYS.rows(rows).map(|row| times_of(&row)).collect()
}

fn times_of(row: &Row<'_>) -> Result<Times, StoreError> {
    Ok(Times {
        signs_at: row.time("signs_at")?,
        created_at: row.time("created_at")?,
        revoked: row.time_or_null("revoked_at")?.is_some(),
    })
}
