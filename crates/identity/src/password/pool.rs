//! Hashes passwords on threads of its own: as many at once as half the processors, so that
//! sign-ins never take the ones that serve requests, and a short line before them.
//!
//! ```text
//!  hash │ verify ─► line (bounded; full: 429 with Retry-After) ─► thread ─► answer
//!                                                            └─► skipped, if nobody waits any more
//! ```
//!
//! Memory is bounded by the number of threads times that of one hash, and given back when
//! nobody has signed in for [`IDLE`].

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use call::{Code, Failure};
use tokio::sync::oneshot;

use super::{Cost, Fault, Memory, Password, Verdict};

/// Who waits for one thread at most. At some 15 ms each the last waits one second; whoever came
/// after them is better off when told to come again than when left waiting.
const WAITING_PER_THREAD: usize = 64;
/// How long a hash takes before any was measured.
const FIRST_GUESS: Duration = Duration::from_millis(20);
/// After this long without work a thread gives its memory back.
const IDLE: Duration = Duration::from_secs(10);
/// The longest that anybody is told to wait before trying again, whatever was measured.
const RETRY_SECONDS_MAX: u32 = 60;

/// The threads, and the line before them. They end when it is dropped.
pub struct Hasher {
    shared: Arc<Shared>,
}

struct Shared {
    cost: Cost,
    threads: usize,
    waiting_max: usize,
    line: Mutex<Line>,
    wake: Condvar,
}

struct Line {
    jobs: VecDeque<Box<dyn Job>>,
    /// How long one takes: a moving average.
    typical: Duration,
    ended: bool,
}

/// Work that somebody waits for, or no longer.
trait Job: Send {
    fn is_awaited(&self) -> bool;
    fn run(self: Box<Self>, memory: &mut Memory);
}

struct Order<T, W> {
    work: W,
    answer: oneshot::Sender<Result<T, Fault>>,
}

impl<T, W> Job for Order<T, W>
where
    T: Send,
    W: FnOnce(&mut Memory) -> Result<T, Fault> + Send,
{
    fn is_awaited(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run(self: Box<Self>, memory: &mut Memory) {
        let Order { work, answer } = *self;
        // Nobody may be left to hear it.
        let _ = answer.send(work(memory));
    }
}

impl Hasher {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn new(cost: Cost) -> io::Result<Hasher> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let threads = (processors / 2).max(1);
        Hasher::with(cost, threads, threads.saturating_mul(WAITING_PER_THREAD))
    }

    fn with(cost: Cost, threads: usize, waiting_max: usize) -> io::Result<Hasher> {
        let line = Line {
            jobs: VecDeque::new(),
            typical: FIRST_GUESS,
            ended: false,
        };
        // Made first, so that the threads that did start end if one does not.
        let hasher = Hasher {
            shared: Arc::new(Shared {
                cost,
                threads,
                waiting_max,
                line: Mutex::new(line),
                wake: Condvar::new(),
            }),
        };
        for _ in 0..threads {
            let shared = Arc::clone(&hasher.shared);
            thread::Builder::new()
                .name("password-hash".to_owned())
                .spawn(move || shared.serve())?;
        }
        Ok(hasher)
    }

    /// What is to be stored of a password.
    ///
    /// # Errors
    /// [`Code::RateLimited`] when too many are waiting already.
    pub async fn hash(&self, password: &Password) -> Result<String, Failure> {
        let (password, cost) = (password.clone(), self.shared.cost);
        self.order(move |memory| super::hash(&password, cost, memory))
            .await
    }

    /// Whether a password is the one of which this was stored. Where nothing was, because there
    /// is no such account or it has no password, it is wrong, and that takes the same time.
    ///
    /// # Errors
    /// [`Code::RateLimited`] when too many are waiting already; [`Code::Internal`] when what is
    /// stored makes no sense.
    pub async fn verify(
        &self,
        password: &Password,
        stored: Option<&str>,
    ) -> Result<Verdict, Failure> {
        let (password, cost) = (password.clone(), self.shared.cost);
        let stored = stored.map(str::to_owned);
        self.order(move |memory| match stored {
            Some(stored) => super::verify(&password, &stored, cost, memory),
            None => super::pretend(&password, cost, memory),
        })
        .await
    }

    async fn order<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, told) = oneshot::channel();
        self.shared.enter(Box::new(Order { work, answer }))?;
        let done = told
            .await
            .map_err(|_| Failure::internal("the thread that hashes passwords is gone"))?;
        done.map_err(Failure::internal)
    }
}

impl Drop for Hasher {
    /// Whoever waits holds it, so what is left in line nobody waits for. A thread that is hashing
    /// finishes that and ends.
    fn drop(&mut self) {
        self.shared.line().ended = true;
        self.shared.wake.notify_all();
    }
}

impl Shared {
    /// No code that could panic runs under the lock, so a poisoned one is still whole.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, job: Box<dyn Job>) -> Result<(), Failure> {
        let mut line = self.line();
        if line.jobs.len() >= self.waiting_max {
            line.jobs.retain(|job| job.is_awaited());
        }
        if line.jobs.len() >= self.waiting_max {
            let seconds = line.seconds_to_wait(self.threads);
            return Err(Failure {
                retry_after_seconds: Some(seconds),
                ..Failure::new(
                    Code::RateLimited,
                    format!(
                        "too many passwords are being checked right now; try again in {seconds} s"
                    ),
                )
            });
        }
        line.jobs.push_back(job);
        drop(line);
        self.wake.notify_one();
        Ok(())
    }

    /// What a thread does all its life.
    fn serve(&self) {
        let mut memory = Memory::default();
        while let Some(job) = self.next(&mut memory) {
            let begun = Instant::now();
            job.run(&mut memory);
            let took = begun.elapsed();
            let mut line = self.line();
            line.typical = (line.typical * 7 + took) / 8;
        }
    }

    /// The next job that somebody waits for; none when all is over.
    fn next(&self, memory: &mut Memory) -> Option<Box<dyn Job>> {
        let mut line = self.line();
        loop {
            if line.ended {
                return None;
            }
            match line.jobs.pop_front() {
                Some(job) if job.is_awaited() => return Some(job),
                Some(_) => {}
                None if memory.is_empty() => {
                    line = self.wake.wait(line).unwrap_or_else(PoisonError::into_inner);
                }
                None => {
                    let waited = self.wake.wait_timeout(line, IDLE);
                    let (held, waited) = waited.unwrap_or_else(PoisonError::into_inner);
                    line = held;
                    if waited.timed_out() && line.jobs.is_empty() {
                        memory.give_back();
                    }
                }
            }
        }
    }
}

impl Line {
    /// Until a line as long as this one is gone, rounded up.
    fn seconds_to_wait(&self, threads: usize) -> u32 {
        let jobs = u32::try_from(self.jobs.len().div_ceil(threads.max(1))).unwrap_or(u32::MAX);
        let wait = self.typical.saturating_mul(jobs);
        let seconds = wait.as_secs().saturating_add(1);
        u32::try_from(seconds)
            .unwrap_or(RETRY_SECONDS_MAX)
            .min(RETRY_SECONDS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn password(text: &str) -> Password {
        Password::read(text).unwrap()
    }

    /// One thread that is busy until told otherwise.
    struct Busy {
        hasher: Arc<Hasher>,
        release: mpsc::Sender<()>,
        first: tokio::task::JoinHandle<Result<(), Failure>>,
    }

    async fn busy(waiting_max: usize) -> Busy {
        let hasher = Arc::new(Hasher::with(Cost::FLOOR, 1, waiting_max).unwrap());
        let (release, released) = mpsc::channel();
        let (begun, has_begun) = oneshot::channel();
        let ordering = Arc::clone(&hasher);
        let first = tokio::spawn(async move {
            ordering
                .order(move |_| {
                    begun.send(()).unwrap();
                    released.recv().map_err(|_| Fault::NoMemory)
                })
                .await
        });
        has_begun.await.unwrap();
        Busy {
            hasher,
            release,
            first,
        }
    }

    #[tokio::test]
    async fn hashes_and_verifies() {
        let hasher = Hasher::new(Cost::default()).unwrap();
        let right = password("three small wooden boats");
        let stored = hasher.hash(&right).await.unwrap();
        let verdict = hasher.verify(&right, Some(&stored)).await.unwrap();
        assert_eq!(verdict, Verdict::Right);
        let wrong = password("three small wooden goats");
        let verdict = hasher.verify(&wrong, Some(&stored)).await.unwrap();
        assert_eq!(verdict, Verdict::Wrong);
        assert_eq!(hasher.verify(&right, None).await.unwrap(), Verdict::Wrong);
        let nonsense = hasher.verify(&right, Some("nonsense")).await.unwrap_err();
        assert_eq!(nonsense.code, Code::Internal);
    }

    #[tokio::test]
    async fn a_full_line_turns_people_away_and_says_when_to_come_again() {
        let Busy {
            hasher,
            release,
            first,
        } = busy(2).await;
        let mut waiting = Vec::new();
        for _ in 0..2 {
            let mut order = Box::pin(hasher.order(|_| Ok(())));
            assert!(poll(order.as_mut()).is_pending());
            waiting.push(order);
        }
        let refused = hasher.verify(&password("x"), None).await.unwrap_err();
        assert_eq!(refused.code, Code::RateLimited);
        assert_eq!(refused.retry_after_seconds, Some(1));
        release.send(()).unwrap();
        first.await.unwrap().unwrap();
        for order in waiting {
            order.await.unwrap();
        }
        assert!(hasher.verify(&password("x"), None).await.is_ok());
    }

    #[tokio::test]
    async fn whoever_has_gone_is_skipped_and_makes_room() {
        let Busy {
            hasher,
            release,
            first,
        } = busy(2).await;
        let ran = Arc::new(AtomicUsize::new(0));
        let count = || {
            let ran = Arc::clone(&ran);
            move |_: &mut Memory| {
                ran.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        };
        let mut stays = Box::pin(hasher.order(count()));
        let mut leaves = Box::pin(hasher.order(count()));
        assert!(poll(stays.as_mut()).is_pending());
        assert!(poll(leaves.as_mut()).is_pending());
        drop(leaves);
        let mut comes = Box::pin(hasher.order(count()));
        assert!(poll(comes.as_mut()).is_pending(), "there is room again");
        release.send(()).unwrap();
        first.await.unwrap().unwrap();
        stays.await.unwrap();
        comes.await.unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn threads_end_with_it() {
        let hasher = Hasher::with(Cost::FLOOR, 3, 3).unwrap();
        let shared = Arc::downgrade(&hasher.shared);
        hasher.verify(&password("x"), None).await.unwrap();
        assert_eq!(shared.strong_count(), 4);
        drop(hasher);
        // Each thread holds it until it ends.
        while shared.strong_count() > 0 {
            thread::yield_now();
        }
    }

    #[test]
    fn the_wait_grows_with_the_line() {
        let line = |jobs: usize, typical: u64| {
            let job = || -> Box<dyn Job> {
                let (answer, _) = oneshot::channel();
                let work = |_: &mut Memory| Ok(());
                Box::new(Order { work, answer })
            };
            Line {
                jobs: std::iter::repeat_with(job).take(jobs).collect(),
                typical: Duration::from_millis(typical),
                ended: false,
            }
        };
        assert_eq!(line(0, 20).seconds_to_wait(1), 1);
        assert_eq!(line(64, 20).seconds_to_wait(1), 2);
        assert_eq!(line(64, 100).seconds_to_wait(1), 7);
        assert_eq!(line(64, 100).seconds_to_wait(4), 2);
        assert_eq!(line(64, 10_000).seconds_to_wait(1), RETRY_SECONDS_MAX);
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }
}
