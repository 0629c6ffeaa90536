//! Records that another process reads, with the interned names in a file.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU8, Ordering};

use log::{Level, Record};
use packlog::{Head, PLACES_BYTES, PlaceWriter, Places, RecordKind, SpanHead, pack_span, unpack};

mod common;

fn packed(module: &'static str, file: &'static str, target: Option<&str>) -> Vec<u8> {
    let record = Record::builder()
        .level(Level::Info)
        .target(target.unwrap_or(module))
        .module_path_static(Some(module))
        .file_static(Some(file))
        .line(Some(3))
        .args(format_args!("message"))
        .key_values(&[("key", "value")])
        .build();
    packlog::pack(&record, <[u8]>::to_vec)
}

#[test]
fn numbers_in_a_record_are_replaced_by_the_names() {
    for target in [None, Some("another::target")] {
        let bytes = packed("one::module", "src/one.rs", target);
        let written = common::written_out(&bytes);
        assert_ne!(written, bytes);
        let record = unpack(&written).unwrap();
        assert_eq!(record.target, target.unwrap_or("one::module"));
        assert_eq!(record.module_path, Some("one::module"));
        assert_eq!(record.file, Some("src/one.rs"));
        assert_eq!((record.line, record.message.as_ref()), (Some(3), "message"));
        assert_eq!(record.fields().count(), 1);
        assert_eq!(record.thread, unpack(&bytes).unwrap().thread);
        // Written out again, it does not change.
        assert_eq!(common::written_out(&written), written);
    }
}

#[test]
fn numbers_in_a_span_are_replaced_by_the_names() {
    let head = Head::new(Level::Debug, "spans")
        .static_place(Some("spans"), Some("src/spans.rs"))
        .span(NonZeroU64::new(5));
    let span_head = SpanHead {
        parent: None,
        opened_at: 1,
        follows_from: &[2, 3],
    };
    let bytes = pack_span(&head, &span_head, "name", &[], <[u8]>::to_vec);
    let written = common::written_out(&bytes);
    assert_ne!(written, bytes);
    let record = unpack(&written).unwrap();
    assert_eq!(
        (record.file, record.message.as_ref()),
        (Some("src/spans.rs"), "name")
    );
    let RecordKind::Span(span) = &record.kind else {
        panic!("{:?}", record.kind);
    };
    assert_eq!(span.follows_from().collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn missing_names_are_read_as_unknown() {
    let bytes = packed("another::module", "src/another.rs", None);
    let places = common::places();
    let without_names = &places[..PLACES_BYTES - (128 << 10)];
    for area in [&[][..], without_names, &vec![0xFF; PLACES_BYTES]] {
        let written = Places::read(area).write_out(&bytes).into_owned();
        let record = unpack(&written).unwrap();
        assert_eq!(record.target, "[unknown]");
        assert_eq!(record.file, Some("[unknown]"));
        assert_eq!(record.message, "message");
    }
}

#[test]
fn only_new_places_are_written() {
    let area: Vec<AtomicU8> = (0..PLACES_BYTES).map(|_| AtomicU8::new(0)).collect();
    let mut writer = PlaceWriter::new();
    let mut names = (0..3).map(|n| &*format!("module::number::{n}").leak());
    packed(names.next().unwrap(), "src/numbers.rs", None);
    writer.write_new(&area);
    // Clears what was written. It must not be written again.
    let used = area.iter().filter(|byte| byte.load(Ordering::Relaxed) != 0);
    used.for_each(|byte| byte.store(0, Ordering::Relaxed));
    let bytes = packed(names.next().unwrap(), "src/numbers.rs", None);
    writer.write_new(&area);
    let read: Vec<u8> = area.into_iter().map(AtomicU8::into_inner).collect();
    let written = Places::read(&read).write_out(&bytes).into_owned();
    assert_eq!(unpack(&written).unwrap().target, "module::number::1");
    assert!(!String::from_utf8_lossy(&read).contains("module::number::0"));
}
