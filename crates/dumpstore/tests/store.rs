//! What lies in the directory after dumps were written.

use std::fs::{self, File};
use std::path::Path;

use dumpstore::{Dir, Retention, Store, is_dump_name};
use flightrec_dump::{Dump, SCHEMA};
use tempfile::tempdir;

fn store(dir: &Path, retention: Retention) -> Store {
    Store::new("test", Some(dir.to_owned()), retention)
}

fn dump(fingerprint: &str) -> Dump {
    let mut dump = Dump::default();
    dump.schema = SCHEMA.to_owned();
    dump.fingerprint = fingerprint.to_owned();
    dump
}

/// The fingerprints of the dumps in a directory, oldest first.
fn kept(dir: &Path) -> Vec<String> {
    let names = Dir::open(dir).unwrap().names().unwrap().into_iter();
    let mut names: Vec<_> = names.filter(|name| is_dump_name(name)).collect();
    names.sort();
    let read = |name: &String| Dump::from_json(&fs::read(dir.join(name)).unwrap()).unwrap();
    names.iter().map(|name| read(name).fingerprint).collect()
}

#[cfg(unix)]
#[test]
fn files_and_directories_are_private_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let parent = tempdir().unwrap();
    let dir = parent.path().join("a/b/flightrec");
    let store = store(&dir, Retention::default());
    let path = store.write(&dump("1")).unwrap().path;
    assert_eq!((mode(&dir), mode(&path)), (0o700, 0o600));
    // A directory that was there and open is closed.
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    store.write(&dump("2")).unwrap();
    assert_eq!(mode(&dir), 0o700);
}

#[test]
fn the_newest_ten_are_kept_and_other_files_are_left_alone() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("notes.json"), "{}").unwrap();
    let store = store(dir.path(), Retention::default());
    for number in 0..25 {
        store.write(&dump(&number.to_string())).unwrap();
    }
    let newest: Vec<_> = (15..25).map(|number: u32| number.to_string()).collect();
    assert_eq!(kept(dir.path()), newest);
    assert!(dir.path().join("notes.json").exists());
}

#[test]
fn repeated_failures_are_removed_first() {
    let dir = tempdir().unwrap();
    let retention = Retention {
        max_dumps: 3,
        ..Retention::default()
    };
    let store = store(dir.path(), retention);
    for fingerprint in ["rare", "often", "often", "often", "often"] {
        store.write(&dump(fingerprint)).unwrap();
    }
    assert_eq!(kept(dir.path()), ["rare", "often", "often"]);
}

#[test]
fn bytes_are_bounded_and_the_newest_stays_in_any_case() {
    let dir = tempdir().unwrap();
    let retention = Retention {
        max_dumps: 100,
        max_bytes: 1,
    };
    let store = store(dir.path(), retention);
    for number in 0..5 {
        let number = number.to_string();
        store.write(&dump(&number)).unwrap();
        assert_eq!(kept(dir.path()), [number]);
    }
}

#[test]
fn a_replaced_dump_keeps_its_path() {
    let dir = tempdir().unwrap();
    let store = store(dir.path(), Retention::default());
    let path = store.write(&dump("addresses")).unwrap().path;
    store.replace(&path, &dump("names")).unwrap();
    assert_eq!(kept(dir.path()), ["names"]);
}

#[test]
fn temporary_files_are_removed_unless_a_process_still_writes_them() {
    let dir = tempdir().unwrap();
    let abandoned = dir.path().join(".tmp-1-0");
    let in_use = dir.path().join(".tmp-1-1");
    fs::write(&abandoned, "{").unwrap();
    let writer = File::create(&in_use).unwrap();
    writer.lock().unwrap();
    store(dir.path(), Retention::default()).remove_orphans();
    assert_eq!((abandoned.exists(), in_use.exists()), (false, true));
}

#[cfg(target_os = "linux")]
#[test]
fn a_dump_goes_somewhere_else_if_the_directory_can_t_be_made() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let app = format!("dumpstore-test-{}", std::process::id());
    let store = Store::new(&app, Some(file.join("flightrec")), Retention::default());
    let written = store.write(&dump("1")).unwrap();
    let (preferred, error) = written.instead_of.unwrap();
    assert_eq!(preferred, file.join("flightrec"));
    assert_eq!(error.kind(), std::io::ErrorKind::NotADirectory);
    assert!(
        written.path.starts_with(std::env::temp_dir()),
        "{:?}",
        written.path
    );
    fs::remove_dir_all(written.path.parent().unwrap()).unwrap();
}
