//! How files come to be opened and made: regular ones alone, never a new one through a link, and for their owner alone.
//!
//! A database may be named by a symbolic link to it; its logs stand beside the file itself and are never links. No other
//! file is opened, and no name comes from inside a database.

use super::file_disk::io_error;
use crate::error::{Error, Result};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Rights of a new database: its owner may read and write, less what the umask takes.
#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;

/// Opens a database file, or makes it if there is none and `create` allows; true if it was made.
///
/// # Errors
/// [`Error::NotADatabase`] for what is no regular file, [`Error::Io`].
pub(super) fn base(path: &Path, writing: bool, create: bool) -> Result<(File, bool)> {
    let purpose = if writing { "for reading and writing" } else { "for reading" };
    let failed = |source| io_error(format!("cannot open {} {purpose}", path.display()), source);
    // Before it is opened: that alone can do things to a device, or wait for the other end of a pipe.
    match std::fs::metadata(path) {
        Ok(metadata) => refuse_special(path, &metadata)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if std::fs::symlink_metadata(path).is_ok() {
                let detail = "it is a link to a file that does not exist";
                return Err(Error::NotADatabase { path: path.to_path_buf(), detail: detail.into() });
            }
            if writing && create {
                let mut options = OpenOptions::new();
                options.read(true).write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY);
                match options.open(path) {
                    // Another process may have been quicker: its file is opened below.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    made => return made.map(|file| (file, true)).map_err(failed),
                }
            }
        }
        Err(error) => return Err(failed(error)),
    }
    let mut options = OpenOptions::new();
    options.read(true).write(writing);
    // Another file may stand there by now: opening a pipe must not wait.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits() as i32);
    let file = options.open(path).map_err(failed)?;
    refuse_special(path, &file.metadata().map_err(failed)?)?;
    Ok((file, false))
}

/// Opens the log at `path`, which must be no link; `None` if there is none.
///
/// # Errors
/// What is no regular file is refused as such.
pub(super) fn log(path: &Path, writing: bool) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(writing);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits() as i32);
    }
    let special = match std::fs::symlink_metadata(path) {
        Ok(metadata) => what_is(&metadata),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let file = match special {
        None => options.open(path)?,
        Some(what) => return Err(not_a_log(what)),
    };
    match what_is(&file.metadata()?) {
        None => Ok(Some(file)),
        Some(what) => Err(not_a_log(what)),
    }
}

/// Makes the log at `path`, where nothing may stand, with the rights of the database file beside it: whoever may write
/// that can recover it.
pub(super) fn create_log(path: &Path, base: &File) -> io::Result<File> {
    create_with(
        path,
        |made| if cfg!(unix) { made.set_permissions(base.metadata()?.permissions()) } else { Ok(()) },
    )
}

/// Makes a file where nothing may stand, and takes it away again where it cannot be given its rights.
fn create_with(path: &Path, give_rights: impl FnOnce(&File) -> io::Result<()>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY);
    let made = options.open(path)?;
    if let Err(error) = give_rights(&made) {
        // The failure is the one to tell.
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    Ok(made)
}

fn not_a_log(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, format!("it is {what}, and no log"))
}

fn refuse_special(path: &Path, metadata: &Metadata) -> Result<()> {
    let Some(what) = what_is(metadata) else { return Ok(()) };
    let detail = format!("it is {what}, and no file that can hold a database");
    Err(Error::NotADatabase { path: path.to_path_buf(), detail })
}

/// What stands there, if it is not a regular file.
fn what_is(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return None;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_block_device() || kind.is_char_device() {
            return Some("a device");
        }
    }
    Some(if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else {
        "something special"
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_cannot_be_given_its_rights_is_not_left_behind() {
        // It stayed, empty and with the wrong rights, and the next attempt found something in its place.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sedge-wal0");
        let refused = create_with(&path, |_| Err(ErrorKind::PermissionDenied.into()));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert!(!path.exists());
        assert!(create_with(&path, |_| Ok(())).is_ok() && path.exists());
    }
}
