//! The contents of the directory after dumps were written.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use dumpmaker::store::{Dir, Retention, Store, is_dump_name};
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

/// The environment sets the user's state directory.
#[cfg(any(target_os = "linux", target_os = "macos", windows))]
#[test]
fn by_default_dumps_go_to_the_state_directory_of_the_user() {
    const IN_CHILD: &str = "STORE_TEST_CHILD";
    let variable = if cfg!(windows) {
        "LOCALAPPDATA"
    } else {
        "XDG_STATE_HOME"
    };
    if std::env::var_os(IN_CHILD).is_some() {
        let store = Store::new("my-tool", None, Retention::default());
        store.write(&dump("1")).unwrap();
        return;
    }
    let state = tempdir().unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "by_default_dumps_go_to_the_state_directory_of_the_user",
        ])
        .env(IN_CHILD, "1")
        .env(variable, state.path())
        .env_remove("STATE_DIRECTORY")
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    assert_eq!(kept(&state.path().join("my-tool").join("flightrec")), ["1"]);
}

/// An empty or relative path would depend on the current directory.
#[cfg(unix)]
#[test]
fn a_variable_without_an_absolute_path_counts_as_unset() {
    const IN_CHILD: &str = "STORE_TEST_CHILD";
    if std::env::var_os(IN_CHILD).is_some() {
        let store = Store::new("my-tool", None, Retention::default());
        assert!(!store.dirs().is_empty());
        for dir in store.dirs() {
            assert!(dir.is_absolute(), "{dir:?} of {:?}", store.dirs());
        }
        return;
    }
    for path in ["", "relative", "./state"] {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_variable_without_an_absolute_path_counts_as_unset",
            ])
            .env(IN_CHILD, "1")
            .envs(["HOME", "XDG_STATE_HOME", "STATE_DIRECTORY", "TMPDIR"].map(|name| (name, path)))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{path:?}: {text}");
    }
}

#[test]
fn a_dump_that_a_reader_has_open_is_replaced_or_unchanged() {
    let dir = tempdir().unwrap();
    let store = store(dir.path(), Retention::default());
    let path = store.write(&dump("addresses")).unwrap().path;
    let mut reader = File::open(&path).unwrap();
    match store.replace(&path, &dump("names")) {
        Ok(()) => assert_eq!(kept(dir.path()), ["names"]),
        // Wine, and Windows before 10, cannot replace an open file.
        Err(error) => assert!(
            cfg!(windows) && kept(dir.path()) == ["addresses"],
            "{error}"
        ),
    }
    // The reader still reads the file that it opened.
    let mut read = Vec::new();
    reader.read_to_end(&mut read).unwrap();
    assert_eq!(Dump::from_json(&read).unwrap().fingerprint, "addresses");
    drop(reader);
    store.replace(&path, &dump("names")).unwrap();
    assert_eq!(kept(dir.path()), ["names"]);
    // No temporary file is left.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn files_and_directories_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let parent = tempdir().unwrap();
    let dir = parent.path().join("a/b/flightrec");
    let store = store(&dir, Retention::default());
    let path = store.write(&dump("1")).unwrap().path;
    assert_eq!((mode(&dir), mode(&path)), (0o700, 0o600));
    // The mode of an existing directory is changed.
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
fn bytes_are_bounded_but_the_newest_dump_is_always_kept() {
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
fn temporary_files_are_removed_unless_a_process_has_locked_them() {
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
fn a_dump_goes_to_another_directory_if_the_first_can_t_be_created() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let app = format!("store-test-{}", std::process::id());
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

/// `sudo` may keep the user's home directory.
#[cfg(unix)]
#[test]
fn files_that_root_creates_get_the_owner_of_the_directory() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    const NOBODY: u32 = 65_534;
    let home = tempdir().unwrap();
    if chown(home.path(), Some(NOBODY), Some(NOBODY)).is_err() {
        println!("skipped: only root can change the owner of files");
        return;
    }
    let state = home.path().join(".local/state");
    let dir = state.join("tool/flightrec");
    let path = store(&dir, Retention::default())
        .write(&dump("1"))
        .unwrap()
        .path;
    for made in [&home.path().join(".local"), &state, &dir, &path] {
        let owner = fs::metadata(made).unwrap().uid();
        assert_eq!(owner, NOBODY, "{}", made.display());
    }
    // Other programs of the user need the directories above.
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(dir.parent().unwrap())), (0o700, 0o700));
    assert_ne!(mode(&state) & 0o055, 0, "{:o}", mode(&state));
}

/// A user may link the directory to another disk.
#[cfg(unix)]
#[test]
fn a_link_of_the_user_is_followed() {
    let dir = tempdir().unwrap();
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let link = dir.path().join("flightrec");
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    let written = store(&link, Retention::default())
        .write(&dump("1"))
        .unwrap();
    assert!(written.instead_of.is_none());
    assert_eq!(kept(&elsewhere), ["1"]);
}
