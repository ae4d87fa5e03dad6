//! What can go wrong below SQL, one variant for each party that has to act.

use std::path::PathBuf;

/// The result of a storage operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the storage engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A page, a log record or a file header does not hold what it must.
    #[error("page {page}{} is damaged: {detail}", of_tree(*tree))]
    Corrupt {
        /// Number of the damaged page (0 for the file header and the logs).
        page: u32,
        /// The root page of the tree that was being read, where one was.
        tree: Option<u32>,
        /// What was found and what was expected.
        detail: String,
    },
    /// The file is no Sedge database, or one of a format this version does not read.
    #[error("{}: {detail}", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What it seems to be, and what to do.
        detail: String,
    },
    /// Another process or transaction holds what this one needs.
    #[error("{0}")]
    Busy(String),
    /// The snapshot a write transaction would start from is no longer the newest.
    #[error("the database has changed since this transaction began; roll back and retry")]
    Conflict,
    /// A write was asked of a read-only store.
    #[error("the database is open read-only")]
    ReadOnly,
    /// The disk or the largest page count is exhausted; nothing was changed.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The operating system refused an operation.
    #[error("{context}: {source}")]
    Io {
        /// What was being done, with the file's name.
        context: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A log sync failed: what was committed last may or may not be on disk. Reopen to find out.
    #[error(
        "a sync of the log failed; the outcome of the last commits is unknown until the database is reopened"
    )]
    OutcomeUnknown,
    /// The caller broke a rule of this interface.
    #[error("misuse: {0}")]
    Misuse(String),
}

impl Error {
    /// A [`Error::Corrupt`] for `page`.
    pub(crate) fn corrupt(page: crate::page::PageId, detail: impl Into<String>) -> Error {
        Error::Corrupt { page: page.0, tree: None, detail: detail.into() }
    }

    /// The error as one of reading the tree whose root page is `root`, if it is about damage and names none yet.
    #[cold]
    pub(crate) fn in_tree(mut self, root: crate::page::PageId) -> Error {
        if let Error::Corrupt { tree: tree @ None, .. } = &mut self {
            *tree = Some(root.0);
        }
        self
    }
}

fn of_tree(tree: Option<u32>) -> String {
    tree.map(|root| format!(" of tree {root}")).unwrap_or_default()
}
