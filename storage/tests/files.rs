//! What files a store makes, with which rights, and which it refuses to open.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use sedge_storage::{Error, Options, Store, TreeKind};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn open(path: &Path) -> sedge_storage::Result<Store> {
    Store::open(path, &Options::default())
}

fn read_only(path: &Path) -> sedge_storage::Result<Store> {
    Store::open(path, &Options { read_only: true, create: false, ..Options::default() })
}

fn log(path: &Path, number: usize) -> PathBuf {
    PathBuf::from(format!("{}-wal{number}", path.display()))
}

fn rights(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn commit(store: &Store) {
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    transaction.create_tree(TreeKind::Table).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn a_new_database_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.sedge");
    let store = open(&path).unwrap();
    commit(&store);
    assert_eq!([&path, &log(&path, 0)].map(|path| rights(path)), [0o600, 0o600]);
    // The only other file is the temporary one, which has no name.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn logs_have_the_rights_of_their_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.sedge");
    open(&path).unwrap().close().unwrap();
    for mode in [0o660, 0o644, 0o600] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let store = open(&path).unwrap();
        commit(&store);
        assert_eq!([&path, &log(&path, 0)].map(|path| rights(path)), [mode, mode]);
        store.close().unwrap();
    }
}

#[test]
fn folders_pipes_sockets_and_devices_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let cases = [
        (folder.path(), "a folder"),
        (pipe.as_path(), "a pipe"),
        (socket.as_path(), "a socket"),
        (Path::new("/dev/null"), "a device"),
    ];
    for (path, what) in cases {
        for opened in [open(path), read_only(path)] {
            match opened {
                Err(error @ Error::NotADatabase { .. }) => {
                    let text = error.to_string();
                    assert!(text.contains(what) && text.contains(&path.display().to_string()), "{text}");
                }
                other => panic!("{}: {other:?}", path.display()),
            }
        }
    }
    for name in ["pipe", "socket"] {
        assert!(folder.path().join(name).exists(), "nothing was replaced");
    }
}

#[test]
fn a_link_to_a_database_is_followed_and_one_to_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("real.sedge"), folder.path().join("link.sedge"));
    symlink(&path, &link).unwrap();
    // Somebody else may have made the link, to have a file made where this user may write.
    let error = open(&link).unwrap_err();
    assert!(error.to_string().contains("a link to a file that does not exist"), "{error}");
    assert!(!path.exists());
    open(&path).unwrap().close().unwrap();
    let store = open(&link).unwrap();
    commit(&store);
    assert!(log(&path, 0).exists() && !log(&link, 0).exists());
}

#[test]
fn a_log_is_never_a_link_or_a_special_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("victim.sedge"), folder.path().join("other"));
    open(&path).unwrap().close().unwrap();
    fs::write(&other, "precious").unwrap();
    symlink(&other, log(&path, 0)).unwrap();
    for opened in [open(&path), read_only(&path)] {
        let error = opened.unwrap_err().to_string();
        assert!(error.contains("victim.sedge-wal0") && error.contains("symbolic link"), "{error}");
    }
    assert_eq!(fs::read(&other).unwrap(), b"precious");
    fs::remove_file(log(&path, 0)).unwrap();
    // One that points nowhere is not a way to have a file made elsewhere.
    symlink(folder.path().join("nowhere"), log(&path, 0)).unwrap();
    assert!(open(&path).is_err());
    fs::remove_file(log(&path, 0)).unwrap();
    fs::create_dir(log(&path, 1)).unwrap();
    let error = open(&path).unwrap_err().to_string();
    assert!(error.contains("victim.sedge-wal1") && error.contains("a folder"), "{error}");
}

#[test]
fn a_log_that_appears_while_the_database_is_open_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("victim.sedge"), folder.path().join("other"));
    let store = open(&path).unwrap();
    fs::write(&other, "precious").unwrap();
    symlink(&other, log(&path, 0)).unwrap();
    let mut transaction = store.begin_write(Duration::ZERO).unwrap();
    transaction.create_tree(TreeKind::Table).unwrap();
    let error = transaction.commit().unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert_eq!(fs::read(&other).unwrap(), b"precious");
    fs::remove_file(log(&path, 0)).unwrap();
    commit(&store);
}

/// Files are opened by the disk and by nothing above it, but for the store, which takes back a file that it made in vain:
/// no page and no log record can name one.
#[test]
fn only_the_disk_opens_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut left = vec![root.join("storage/src"), root.join("sql/src"), root.join("src")];
    let mut read = 0;
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                let has_files = path.ends_with("storage/src/disk") || path.ends_with("tests");
                left.extend((!has_files).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                read += 1;
                let text = fs::read_to_string(&path).unwrap();
                if path.ends_with("storage/src/store.rs") || path.ends_with("tests.rs") {
                    continue;
                }
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                for word in ["std::fs", "File::", "OpenOptions", "std::process::", "std::net"] {
                    let names = |line: &str| {
                        line.match_indices(word).any(|(at, _)| !line[..at].ends_with(char::is_alphanumeric))
                    };
                    let uses = code.lines().any(|line| !line.trim_start().starts_with("//") && names(line));
                    assert!(!uses, "{} uses {word}", path.display());
                }
            }
        }
    }
    assert!(read > 200, "{read} files were read");
}
