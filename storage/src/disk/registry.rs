//! Which files this process has open, by device and inode: a second open of a file meets the first.
//!
//! Two open file descriptions of one process would exclude each other by the OS lock, and two page tables over
//! one file would destroy it.

use crate::error::{Error, Result};
use std::any::Any;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

/// What a file is registered with.
type Shared = dyn Any + Send + Sync;

/// Device and inode, or the canonical name where there are none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum FileKey {
    #[cfg(unix)]
    Inode(u64, u64),
    #[cfg(not(unix))]
    Name(std::path::PathBuf),
}

/// A file is being opened or closed (`None`), or open.
type Files = HashMap<FileKey, Option<Weak<Shared>>>;

static FILES: Mutex<Option<Files>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

/// The answer to [`enter`].
pub(crate) enum Entry {
    /// The process has the file open; this is what it was published with.
    Open(Arc<Shared>),
    /// The caller is the first: it opens the file and publishes what it made.
    Vacant(Registration),
}

/// A place in the registry, given back when dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    key: FileKey,
}

/// Looks the file up; waits while another thread opens or closes it.
pub(crate) fn enter(path: &Path, file: &File) -> Result<Entry> {
    let key = key_of(path, file)?;
    let mut files = files();
    loop {
        match files.get_or_insert_default().get(&key) {
            None => {
                files.get_or_insert_default().insert(key.clone(), None);
                return Ok(Entry::Vacant(Registration { key }));
            }
            Some(Some(open)) => {
                if let Some(open) = open.upgrade() {
                    return Ok(Entry::Open(open));
                }
            }
            Some(None) => {}
        }
        files = CHANGED.wait(files).unwrap_or_else(PoisonError::into_inner);
    }
}

impl Registration {
    /// Lets later opens of the file find `shared`.
    pub(crate) fn publish(&self, shared: Weak<Shared>) {
        files().get_or_insert_default().insert(self.key.clone(), Some(shared));
        CHANGED.notify_all();
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        files().get_or_insert_default().remove(&self.key);
        CHANGED.notify_all();
    }
}

fn files() -> MutexGuard<'static, Option<Files>> {
    // Entries are whole even if a thread panicked.
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
fn key_of(path: &Path, file: &File) -> Result<FileKey> {
    use std::os::unix::fs::MetadataExt;
    match file.metadata() {
        Ok(metadata) => Ok(FileKey::Inode(metadata.dev(), metadata.ino())),
        Err(source) => Err(Error::Io { context: format!("examining {}", path.display()), source }),
    }
}

#[cfg(not(unix))]
fn key_of(path: &Path, _file: &File) -> Result<FileKey> {
    match path.canonicalize() {
        Ok(name) => Ok(FileKey::Name(name)),
        Err(source) => Err(Error::Io { context: format!("examining {}", path.display()), source }),
    }
}
