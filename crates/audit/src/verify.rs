//! Walks the chain, a page at a time, and tells where it is broken first.

use std::fmt;
use std::str::FromStr;

use store::StoreError;

use crate::chain::{For, is_keyed};
use crate::log::{Audit, after};
use crate::prune::is_anchor;
use crate::read::Filter;

/// What the chain was at a time, noted elsewhere: `POSITION:HASH`. If it still is, nothing up to
/// there was changed, and nothing was cut off before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub position: i64,
    pub hash: String,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.hash)
    }
}

impl FromStr for Expected {
    type Err = String;

    fn from_str(text: &str) -> Result<Expected, String> {
        let parts = text.split_once(':');
        let read = parts.and_then(|(position, hash)| {
            let position = position.parse().ok().filter(|position| *position > 0)?;
            let digits = hash.strip_prefix("m:").or(hash.strip_prefix("h:"))?;
            let is_hash =
                digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            is_hash.then(|| Expected {
                position,
                hash: hash.to_owned(),
            })
        });
        read.ok_or_else(|| "POSITION:HASH, as `audit verify` tells it".to_owned())
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Entries that are as they were written.
    pub entries: u64,
    /// Of them, those that whoever has the database alone could have written.
    pub open: u64,
    /// Entries before this one were pruned.
    pub pruned_to: Option<i64>,
    /// The last entry; to be noted elsewhere.
    pub head: Option<Expected>,
    pub wrong: Option<Wrong>,
}

/// Where the chain is broken first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub position: i64,
    pub fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there, and later ones are.
    Missing,
    /// It, or what stands before it, is not what was written.
    Changed,
    /// It was written without the key, after others were written with it.
    Unkeyed,
    /// It was there once, and the chain ends before.
    CutOff,
    /// There was another entry in its place.
    Another,
    /// It waits for its number, and none of us has written it.
    Forged,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.position;
        match self.fault {
            Fault::Missing => write!(f, "entry {position} was removed"),
            Fault::Changed => write!(
                f,
                "entry {position}, or what stood before it, was changed or put in"
            ),
            Fault::Unkeyed => write!(
                f,
                "entry {position} was written without the key, after others with it"
            ),
            Fault::CutOff => write!(
                f,
                "entry {position} was there once: the end was cut off before it"
            ),
            Fault::Another => write!(f, "entry {position} is not the one that was there once"),
            Fault::Forged => write!(
                f,
                "an entry waits for its number (as {position}) that was put in or changed"
            ),
        }
    }
}

impl Audit {
    /// Walks all of it. `expected` are heads that were noted before.
    ///
    /// # Errors
    /// When the database cannot or does not answer.
    pub async fn verify(&self, expected: &[Expected]) -> Result<Verdict, StoreError> {
        self.settle().await?;
        let mut verdict = Verdict::default();
        let mut last = 0;
        let mut before = String::new();
        let mut keyed = false;
        loop {
            let page = self.after(last, &Filter::default()).await?;
            let Some(end) = page.last().map(|entry| entry.position) else {
                break;
            };
            for entry in &page {
                let is_first = verdict.entries == 0 && verdict.pruned_to.is_none();
                let position = entry.position;
                let anchor = is_first && is_anchor(entry);
                let fault = if !anchor && position != last + 1 {
                    // Not the one that is there, but the first that is not.
                    verdict.wrong = Some(Wrong {
                        position: last + 1,
                        fault: Fault::Missing,
                    });
                    return Ok(verdict);
                } else if anchor && !self.chain.holds(For::Anchor, entry)
                    || !anchor && !self.chain.holds(For::After(&before), entry)
                {
                    Some(Fault::Changed)
                } else if keyed && !is_keyed(&entry.hash) {
                    Some(Fault::Unkeyed)
                } else {
                    None
                };
                let hash = after(entry);
                let another = expected
                    .iter()
                    .any(|noted| noted.position == position && noted.hash != hash);
                let fault = fault.or(another.then_some(Fault::Another));
                if let Some(fault) = fault {
                    verdict.wrong = Some(Wrong { position, fault });
                    return Ok(verdict);
                }
                keyed |= is_keyed(&entry.hash);
                match anchor {
                    true => verdict.pruned_to = Some(position),
                    false => {
                        verdict.entries += 1;
                        verdict.open += u64::from(!is_keyed(&entry.hash));
                    }
                }
                verdict.head = Some(Expected {
                    position,
                    hash: hash.clone(),
                });
                before = hash;
                last = position;
            }
            debug_assert_eq!(last, end);
        }
        verdict.wrong = self.at_the_end(last, expected).await?;
        Ok(verdict)
    }

    /// What can be told only when all of the chain is known.
    async fn at_the_end(
        &self,
        last: i64,
        expected: &[Expected],
    ) -> Result<Option<Wrong>, StoreError> {
        let cut = expected.iter().filter(|noted| noted.position > last);
        if let Some(noted) = cut.min_by_key(|noted| noted.position) {
            return Ok(Some(Wrong {
                position: noted.position,
                fault: Fault::CutOff,
            }));
        }
        // What is ours has its number by now, but for what has come this moment.
        let waiting = self.waits().await?;
        let forged = waiting.iter().find(|entry| !self.chain.takes(entry));
        Ok(forged.map(|entry| Wrong {
            position: entry.position,
            fault: Fault::Forged,
        }))
    }
}
