//! Tells when files in a contract's folder change.
//!
//! Watches folders, not files: editors save by writing another file and renaming it. Folders
//! below are watched only when they matter, so that data and dependencies cost nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// After the last change: a save is several events, and a half-written file compiles to nonsense.
const QUIET: Duration = Duration::from_millis(30);
/// After the first change: even if it never becomes quiet.
const QUIET_MAX: Duration = Duration::from_millis(150);
/// Where the system cannot tell of changes, they are looked for.
const POLL: Duration = Duration::from_millis(500);

/// Watches some folders.
pub struct Watch {
    watcher: Box<dyn Watcher + Send>,
    watched: BTreeSet<PathBuf>,
    changes: mpsc::Receiver<()>,
}

impl Watch {
    /// Begins to watch.
    ///
    /// # Errors
    /// When changes can neither be told nor looked for.
    pub fn start() -> notify::Result<Watch> {
        let (tell, changes) = mpsc::channel(1);
        let on_event = move |event: notify::Result<Event>| {
            if event.map_or(true, |event| is_relevant(&event)) {
                // One signal that waits is enough.
                let _ = tell.try_send(());
            }
        };
        let watcher: Box<dyn Watcher + Send> =
            match RecommendedWatcher::new(on_event.clone(), Config::default()) {
                Ok(watcher) => Box::new(watcher),
                Err(error) => {
                    tracing::warn!(%error, "the system cannot tell of changes; looking for them");
                    let config = Config::default().with_poll_interval(POLL);
                    Box::new(PollWatcher::new(on_event, config)?)
                }
            };
        Ok(Watch {
            watcher,
            watched: BTreeSet::new(),
            changes,
        })
    }

    /// Watches exactly these folders from now on. Those that do not exist are passed over.
    pub fn folders(&mut self, folders: &BTreeSet<PathBuf>) {
        for gone in self.watched.difference(folders) {
            // It may have been deleted, and its watch with it.
            drop(self.watcher.unwatch(gone));
        }
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            // Again each time: a folder of the same name may be another one.
            if let Err(error) = self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::warn!(%error, folder = %folder.display(), "cannot watch");
            }
        }
        self.watched.clone_from(folders);
    }

    /// Waits for a change and until no more follow.
    pub async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            // The watcher has died; it never does while this is there.
            return std::future::pending().await;
        }
        let latest = Instant::now() + QUIET_MAX;
        loop {
            let quiet = (Instant::now() + QUIET).min(latest);
            match timeout_at(quiet, self.changes.recv()).await {
                Ok(Some(())) if Instant::now() < latest => {}
                _ => return,
            }
        }
    }
}

/// Reading changes nothing, and files of other kinds are no part of a contract.
fn is_relevant(event: &Event) -> bool {
    if matches!(event.kind, EventKind::Access(_)) {
        return false;
    }
    event.paths.is_empty() || event.paths.iter().any(|path| is_relevant_path(path))
}

fn is_relevant_path(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml" | "json" | "ndjson") => !hidden,
        // A folder that comes or goes brings its files along.
        None => !hidden,
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn saves_are_noticed_however_they_are_done() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("frontdesk.yaml");
        fs::write(&file, "1").unwrap();
        let mut watch = Watch::start().unwrap();
        watch.folders(&BTreeSet::from([folder.path().to_owned()]));
        let mut changed = async || {
            tokio::time::timeout(PATIENCE, watch.changed())
                .await
                .expect("noticed");
        };
        fs::write(&file, "2").unwrap();
        changed().await;
        let beside = folder.path().join(".frontdesk.yaml.tmp");
        fs::write(&beside, "3").unwrap();
        fs::rename(&beside, &file).unwrap();
        changed().await;
        fs::write(folder.path().join("more.yaml"), "").unwrap();
        changed().await;
        fs::remove_file(&file).unwrap();
        changed().await;
    }

    #[test]
    fn other_files_are_passed_over() {
        for (path, expected) in [
            ("/a/frontdesk.yaml", true),
            ("/a/seed/books.ndjson", true),
            ("/a/resources", true),
            ("/a/.frontdesk.yaml.swp", false),
            ("/a/.frontdesk", false),
            ("/a/notes.txt", false),
            ("/a/4913~", true),
        ] {
            assert_eq!(is_relevant_path(Path::new(path)), expected, "{path}");
        }
    }
}
