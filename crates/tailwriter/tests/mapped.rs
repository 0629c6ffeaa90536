//! Tests of the public API of the mapped tail.
#![cfg(all(feature = "mmap", any(target_os = "linux", target_os = "macos")))]

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use tailwriter::{MappedTail, Recovered, TailWriter};

/// Stops the writers when it is dropped, also if the test panics.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn text(lines: &tailwriter::Snapshot) -> String {
    lines.to_string()
}

#[test]
fn pushed_lines_are_recovered_with_their_data() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/deep/tail.ring");
    let before = SystemTime::now();
    let mut tail = TailWriter::builder()
        .max_lines(3)
        .max_line_bytes(40)
        .quota(1, 1)
        .build_mapped(&path)
        .unwrap();
    tail.push_class(1, b"of a class");
    for number in 0..1_000 {
        tail.push(format!("line {number}").as_bytes());
    }
    write!(
        tail,
        "written\nand a long one: {}\nunfinished",
        "x".repeat(100)
    )
    .unwrap();
    tail.flush().unwrap();
    let after = SystemTime::now();

    let recovered = Recovered::read(&path).unwrap();
    let live = tail.snapshot();
    let long = format!("and a long one: {}… [cut]", "x".repeat(15));
    assert_eq!(
        text(&live),
        format!("of a class\nwritten\n{long}\nunfinished")
    );
    let snapshot = recovered.snapshot();
    assert_eq!(
        text(snapshot),
        format!("of a class\nline 999\nwritten\n{long}\n")
    );
    assert_eq!(snapshot.evicted(), 999);
    let entries: Vec<_> = snapshot.entries().collect();
    assert!(entries[0].class() == 1 && entries[3].is_cut() && !entries[2].is_cut());
    let slack = Duration::from_millis(20);
    for entry in &entries {
        assert!(entry.time() > before - slack && entry.time() < after + slack);
    }
    assert!(recovered.is_owner_alive());
    assert_eq!(recovered.pid(), std::process::id());
    assert_eq!(
        (recovered.damaged_lines(), recovered.is_truncated()),
        (0, false)
    );
    assert!(recovered.started_at() > before - slack && recovered.started_at() < after + slack);
    assert_eq!(recovered.last_line_at(), Some(entries[3].time()));
    if cfg!(target_os = "linux") {
        assert_eq!(recovered.is_of_earlier_boot(), Some(false));
    }
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    for made in [
        path.parent().unwrap(),
        path.parent().unwrap().parent().unwrap(),
    ] {
        assert_eq!(
            fs::metadata(made).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
    // No temporary file is left, and disk space for the used parts is allocated.
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    let metadata = fs::metadata(&path).unwrap();
    assert!(cfg!(target_os = "macos") || metadata.blocks() * 512 >= 64 << 10);

    tail.clear();
    tail.push(b"after");
    let recovered = MappedTail::recover(&path).unwrap();
    assert_eq!(
        (text(&recovered), recovered.evicted()),
        ("after\n".to_owned(), 0)
    );
}

#[test]
fn an_orphan_is_claimed_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tail.ring");
    let tail = TailWriter::builder().build_mapped(&path).unwrap();
    tail.push(b"last words");
    let clone = tail.clone();
    drop(tail);
    assert!(
        Recovered::claim(&path).unwrap().is_none(),
        "a handle still exists"
    );
    drop(clone);
    let claimed = Recovered::claim(&path).unwrap().unwrap();
    assert!(
        Recovered::claim(&path).unwrap().is_none(),
        "it was claimed already"
    );
    assert_eq!(text(claimed.snapshot()), "last words\n");
    claimed.remove().unwrap();
    assert_eq!(
        Recovered::claim(&path).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

/// A reader sees a run of lines without gaps even while they are written.
#[test]
fn a_file_that_is_written_to_is_read_without_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tail.ring");
    let tail = TailWriter::builder()
        .max_lines(500)
        .max_line_bytes(64)
        .build_mapped(&path)
        .unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..2 {
            let (tail, stop) = (&tail, &stop);
            scope.spawn(move || {
                for number in 0.. {
                    tail.push(format!("{writer} {number}").as_bytes());
                    // A reader that the writer overtakes repeatedly finds no lines, which is not a gap.
                    (0..500).for_each(|_| std::hint::spin_loop());
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        let _stop = Stop(&stop);
        let mut seen = 0;
        let mut tries = 0;
        while tries < 100 || seen < 1_000 {
            tries += 1;
            let snapshot = MappedTail::recover(&path).unwrap();
            seen += snapshot.len();
            let mut last: [Option<u64>; 2] = [None; 2];
            for line in snapshot.lines() {
                let line = str::from_utf8(line).unwrap();
                let (writer, number) = line.split_once(' ').unwrap();
                let (writer, number) = (writer.parse::<usize>().unwrap(), number.parse().unwrap());
                if let Some(before) = last[writer].replace(number) {
                    assert_eq!(number, before + 1, "of {writer}");
                }
            }
        }
    });
}

#[test]
fn remove_removes_only_its_own_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tail.ring");
    let tail = TailWriter::builder().build_mapped(&path).unwrap();
    tail.remove().unwrap();
    tail.remove().unwrap();
    tail.push(b"into nowhere");
    assert_eq!(text(&tail.snapshot()), "into nowhere\n");
    fs::write(&path, "another").unwrap();
    tail.remove().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"another");
}

#[test]
fn a_tail_that_cannot_be_created_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let make = |path: &std::path::Path| TailWriter::builder().build_mapped(path).unwrap_err();
    let path = dir.path().join("there");
    fs::write(&path, "precious").unwrap();
    assert_eq!(make(&path).kind(), ErrorKind::AlreadyExists);
    assert!(make(&path).to_string().contains("there"));
    let link = dir.path().join("link");
    symlink(dir.path().join("nowhere"), &link).unwrap();
    assert_eq!(make(&link).kind(), ErrorKind::AlreadyExists);
    assert_eq!(
        make(&path.join("below a file")).kind(),
        ErrorKind::NotADirectory
    );
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    let huge = TailWriter::builder().max_bytes(1 << 30);
    let error = huge.build_mapped(dir.path().join("huge")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_file_that_is_not_a_ring_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tail.ring");
    let tail = TailWriter::builder().build_mapped(&path).unwrap();
    let link = dir.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(MappedTail::recover(&link).is_err());
    drop(tail);
    let text = dir.path().join("text");
    fs::write(&text, "x".repeat(10_000)).unwrap();
    let empty = dir.path().join("empty");
    fs::write(&empty, "").unwrap();
    for path in [&text, &empty, &dir.path().to_owned()] {
        for error in [
            MappedTail::recover(path).unwrap_err(),
            Recovered::claim(path).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
            assert!(error.to_string().contains(path.to_str().unwrap()));
        }
    }
    assert_eq!(
        MappedTail::recover(dir.path().join("none"))
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
}

/// Otherwise the first line would load the whole file into memory, although it is all zeros.
#[cfg(target_os = "linux")]
#[test]
fn the_kernel_is_asked_not_to_read_ahead() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tail.ring");
    let tail = TailWriter::builder().build_mapped(&path).unwrap();
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    let name = tail.path().to_str().unwrap();
    let mut lines = maps.lines().skip_while(|line| !line.ends_with(name));
    let flags = lines.find(|line| line.starts_with("VmFlags:"));
    assert!(
        flags.is_some_and(|flags| flags.split(' ').any(|flag| flag == "rr")),
        "{flags:?}"
    );
}
