//! A whole list, a piece at a time.
//!
//! Each piece is a statement of its own that goes on after the last record of the one before.
//! No transaction is held in between, so that a reader who takes an hour holds up nobody, and
//! nothing is read before it is asked for. What is added or taken away meanwhile may or may not
//! be seen; a record that keeps its sort keys comes exactly once.

use std::sync::Arc;
use std::time::Duration;

use call::{Code, Failure, Record, Request, View};
use tokio::sync::OwnedSemaphorePermit;

use super::{Listing, PAGE_MAX, Turned};
use crate::Core;

/// Records in one piece: a statement stays far below a millisecond for common records.
pub const PIECE_MAX: u32 = 500;

/// How often a later piece is asked for when the database has too much to do: what was begun is
/// better late than cut.
const ATTEMPTS_MAX: u32 = 10;

/// The records of a list, in order.
pub struct Records {
    core: Arc<Core>,
    request: Request,
    view: Arc<View>,
    /// `None` at the end.
    listing: Option<Listing>,
    /// How many are still wanted; all, if it does not say.
    left: Option<u32>,
    begun: bool,
    _place: OwnedSemaphorePermit,
}

impl Core {
    /// The list of a request from its cursor on, up to its limit if it has one.
    pub async fn stream(self: &Arc<Self>, request: Request) -> Result<Records, Failure> {
        let (view, listing) = match self.listing(&request).await? {
            Ok(listing) => (Arc::clone(&listing.view.view), Some(listing)),
            Err(plan) => (Arc::clone(&plan.view), None),
        };
        Ok(Records {
            _place: self.pace.enter()?,
            begun: false,
            core: Arc::clone(self),
            view,
            listing,
            left: request.query.limit,
            request,
        })
    }
}

impl Records {
    /// The view of every record.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Whether nothing more will come.
    pub fn is_ended(&self) -> bool {
        self.listing.is_none()
    }

    /// The next records, at most so many; none only at the end.
    ///
    /// # Errors
    /// When the database refuses. What came before was right, what is missing is not known.
    /// A first piece is refused at once where a later one waits.
    pub async fn next(&mut self, most: u32) -> Result<Vec<Record>, Failure> {
        let Some(mut listing) = self.listing.take() else {
            return Ok(Vec::new());
        };
        let most = most.clamp(
            1,
            if listing.view.has_relations() {
                PAGE_MAX
            } else {
                PIECE_MAX
            },
        );
        listing.question.page = self.left.map_or(most, |left| left.min(most));
        let turned = self.piece(&listing).await?;
        self.begun = true;
        let records = turned.page.items;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(u32::try_from(records.len()).unwrap_or(u32::MAX));
        }
        if self.left != Some(0)
            && let Some(after) = turned.after
        {
            listing.after = Some(after);
            self.listing = Some(listing);
        }
        Ok(records)
    }

    async fn piece(&self, listing: &Listing) -> Result<Turned, Failure> {
        let core = &self.core;
        let mut attempts = 1;
        loop {
            let turn = core.turn(&self.request, listing.clone());
            let failure = match core.pace.in_turn(turn).await {
                Err(failure) if failure.code == Code::Unavailable => failure,
                turned => return turned,
            };
            match failure.retry_after_seconds {
                Some(seconds) if self.begun && attempts < ATTEMPTS_MAX => {
                    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
                }
                _ => return Err(failure),
            }
            attempts += 1;
        }
    }
}
