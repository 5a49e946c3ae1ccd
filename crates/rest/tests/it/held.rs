//! The one place for writes, taken by a test: what comes meanwhile waits.

use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll, Waker};

use frontdesk::store::driver::{BoxFuture, Dialect, Driver, Transaction, Undo, Work};
use tokio::sync::oneshot;

/// Holds the one place for writes until it is told to go on.
struct Holder {
    entered: Sender<()>,
    go_on: Option<oneshot::Receiver<()>>,
    dialect: Dialect,
}

impl Work for Holder {
    fn run<'a>(&'a mut self, _: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>> {
        self.entered.send(()).unwrap();
        // An error means that the test is over.
        let go_on = self.go_on.take().unwrap();
        if self.dialect == Dialect::Sqlite {
            // On the writer's own thread.
            drop(go_on.blocking_recv());
            return Box::pin(std::future::ready(Ok(())));
        }
        Box::pin(async move {
            drop(go_on.await);
            Ok(())
        })
    }
}

/// Something handed to the database; given up when dropped.
pub type Waiting<'a> = BoxFuture<'a, Result<(), Undo>>;

pub fn poll(waiting: &mut Waiting<'_>) -> Poll<Result<(), Undo>> {
    waiting
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

/// Keeps writes from being done until the sender is used or dropped.
pub fn hold(driver: &dyn Driver) -> (Waiting<'_>, oneshot::Sender<()>) {
    let (enter, entered) = channel();
    let (open, opened) = oneshot::channel();
    let mut held = driver.write(Box::new(Holder {
        entered: enter,
        go_on: Some(opened),
        dialect: driver.dialect(),
    }));
    assert!(poll(&mut held).is_pending());
    entered.recv().unwrap();
    (held, open)
}
