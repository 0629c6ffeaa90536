//! Files of dumps: names, numbers and sizes.

mod common;

use common::{build, dumps, quiet};
use flightrec::stackerr::{Error, err};
use tempfile::tempdir;

#[test]
fn the_bytes_are_limited_and_the_newest_dump_is_always_kept() {
    let dir = tempdir().unwrap();
    let (recorder, _tee) = quiet(dir.path()).keep_dumps(100).keep_dump_bytes(1).build();
    for number in 0..5 {
        recorder.dump(number.to_string()).unwrap();
        assert_eq!(dumps(dir.path()).len(), 1);
    }
    assert_eq!(dumps(dir.path())[0].1.reason.message, "4");
}

#[test]
fn the_same_error_is_written_once_and_counted() {
    let dir = tempdir().unwrap();
    let (recorder, _tee) = build(dir.path());
    let same = |text: &str| err!("cannot read {text}");
    let paths: Vec<_> = (0..1_000)
        .map(|number| recorder.dump_error(&same(&number.to_string())).unwrap())
        .map(|outcome| outcome.path().map(std::path::Path::to_owned))
        .collect();
    assert!(paths.iter().all(|path| *path == paths[0]));
    assert_eq!(dumps(dir.path()).len(), 1);
    recorder.dump_error(&err!("another one")).unwrap();
    let dumps = dumps(dir.path());
    assert_eq!(dumps.len(), 2);
    assert_eq!(dumps[1].1.suppressed_dumps, 999);
    assert_eq!(dumps[1].1.suppressed.len(), 10);
    assert_eq!(dumps[1].1.suppressed[0].message, "cannot read 1");
    assert_eq!(dumps[1].1.suppressed[9].message, "cannot read 999");
    assert_eq!(dumps[0].1.suppressed_dumps, 0);
}

#[test]
fn a_storm_of_different_errors_makes_few_dumps() {
    let dir = tempdir().unwrap();
    let (recorder, _tee) = build(dir.path());
    let errors = (0..1_000).map(|number| {
        let name = char::from_u32(0x4e00 + number).unwrap();
        std::io::Error::other(format!("no stack, and the name {name}"))
    });
    let written = errors
        .filter(|error| recorder.dump_error(error).unwrap().path().is_some())
        .count();
    assert!((10..=11).contains(&written), "{written}");
    assert!(dumps(dir.path()).len() <= 10);
}

#[test]
fn an_app_s_name_can_be_any_text() {
    for app in [
        "",
        "..",
        "../../../escape",
        "a/b\\c",
        "nul\0byte",
        "esc\x1b[31m\n",
        &"long".repeat(300_000),
    ] {
        let dir = tempdir().unwrap();
        let (recorder, _tee) = flightrec::builder(app).dir(dir.path()).build();
        recorder.dump("now").unwrap();
        assert_eq!(dumps(dir.path())[0].1.app, app);
    }
}

#[test]
fn ten_thousand_joined_errors_make_one_dump() {
    let dir = tempdir().unwrap();
    let (recorder, _tee) = build(dir.path());
    let joined = Error::join((0..10_000).map(|number| err!("number {number}"))).unwrap();
    recorder.dump_error(&joined).unwrap();
    let dump = &dumps(dir.path())[0].1;
    assert_eq!(
        (dump.stack_traces.len(), dump.omitted_stack_traces),
        (256, 10_000 - 256)
    );
    assert_eq!(dump.stack_traces[255].error, "number 255");
    // All messages are there, except for one because of the limit of the tree.
    let sources = &dump.error.as_ref().unwrap().sources;
    assert!(sources.len() >= 9_999, "{}", sources.len());
    assert_eq!(sources[9_000].message, "number 9000");
}
