//! Events and spans whose parts are packed one by one.

use std::fmt;
use std::num::NonZeroU64;

use log::Level;
use packlog::{
    FieldValue, Head, RecordKind, SpanHead, Unpacked, Writer, pack_event, pack_fields, pack_span,
    pack_span_closed, unpack,
};

fn packed(write: impl Fn(&mut Writer<'_, '_>)) -> Vec<u8> {
    let head = Head::new(Level::Debug, module_path!())
        .static_place(Some(module_path!()), Some(file!()))
        .line(Some(7))
        .span(NonZeroU64::new(5));
    pack_event(&head, write, <[u8]>::to_vec)
}

fn fields(record: &Unpacked<'_>) -> Vec<(String, String)> {
    let fields = record.fields();
    fields
        .map(|(key, value)| (key.to_owned(), format!("{value:?}")))
        .collect()
}

#[test]
fn an_event_keeps_its_parts_and_the_types_of_its_fields() {
    let bytes = packed(|writer| {
        writer.message(&format_args!("{} of {}", 1, 2));
        writer.u64("u", 1);
        writer.i64("i.dotted", -1);
        writer.i128("i128", i128::MIN);
        writer.u128("u128", u128::MAX);
        writer.f64("f", 0.5);
        writer.bool("b", true);
        writer.str("s", "text");
        writer.debug("d", &Some("x"));
        writer.display("p", &3);
    });
    let record = unpack(&bytes).unwrap();
    assert_eq!(record.level, Level::Debug);
    assert_eq!(record.target, module_path!());
    assert_eq!(record.module_path, Some(module_path!()));
    assert_eq!((record.file, record.line), (Some(file!()), Some(7)));
    assert_eq!(record.span, Some(5));
    assert_eq!(record.message, "1 of 2");
    assert!(!record.cut && !record.broken);
    assert!(matches!(record.kind, RecordKind::Event));
    let expected = [
        ("u", FieldValue::U64(1)),
        ("i.dotted", FieldValue::I64(-1)),
        ("i128", FieldValue::I128(i128::MIN)),
        ("u128", FieldValue::U128(u128::MAX)),
        ("f", FieldValue::F64(0.5)),
        ("b", FieldValue::Bool(true)),
        ("s", FieldValue::Str("text")),
        ("d", FieldValue::Text("Some(\"x\")")),
        ("p", FieldValue::Text("3")),
    ];
    assert_eq!(record.fields().collect::<Vec<_>>(), expected);
}

#[test]
fn a_message_may_follow_fields_and_a_second_one_becomes_a_field() {
    let bytes = packed(|writer| {
        writer.u64("before", 1);
        writer.str("more", "x");
        writer.message_str("the message");
        writer.u64("after", 2);
        writer.message_str("another");
    });
    let record = unpack(&bytes).unwrap();
    assert_eq!(record.message, "the message");
    let keys: Vec<_> = record.fields().map(|(key, _)| key).collect();
    assert_eq!(keys, ["before", "more", "after", "message"]);
}

struct Fails(bool);

impl fmt::Debug for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("begun")?;
        assert!(!self.0, "a Debug that panics");
        Err(fmt::Error)
    }
}

#[test]
fn the_text_of_a_value_that_fails_or_panics_is_kept() {
    for panics in [false, true] {
        let bytes = packed(|writer| {
            writer.message(&Fails(panics));
            writer.debug("bad", &Fails(panics));
            writer.u64("good", 1);
        });
        let record = unpack(&bytes).unwrap();
        assert!(record.broken && !record.cut);
        assert_eq!(record.message, "begun");
        let expected = [("bad", "Text(\"begun\")"), ("good", "U64(1)")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(fields(&record), expected);
    }
}

#[test]
fn a_record_that_does_not_fit_is_marked_as_cut() {
    for message in [10, 5_000, 70_000] {
        let bytes = packed(|writer| {
            writer.message_str(&"m".repeat(message));
            for _ in 0..1_000 {
                writer.str("key", "value");
            }
            writer.str("long", &"x".repeat(70_000));
        });
        assert!(bytes.len() <= packlog::MAX_LEN);
        let record = unpack(&bytes).unwrap();
        assert!(record.cut && !record.broken);
        assert!(
            record
                .fields()
                .all(|field| field == ("key", FieldValue::Str("value")))
        );
    }
}

#[test]
fn a_value_that_packs_an_event_gets_another_buffer() {
    struct Logs;
    impl fmt::Debug for Logs {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let inner = packed(|writer| writer.message_str("inner"));
            f.write_str(&unpack(&inner).unwrap().message)
        }
    }
    let bytes = packed(|writer| {
        writer.message(&format_args!("outer {Logs:?}"));
    });
    assert_eq!(unpack(&bytes).unwrap().message, "outer inner");
}

#[test]
fn a_span_keeps_its_parts() {
    let packed_fields = pack_fields(
        1024,
        |writer| {
            writer.u64("user", 7);
            writer.str("path", "/x");
        },
        |bytes, flaws| {
            assert!(!flaws.cut() && !flaws.broken());
            bytes.to_vec()
        },
    );
    let head = Head::new(Level::Info, "a target")
        .static_place(Some(module_path!()), Some(file!()))
        .span(NonZeroU64::new(9));
    let span = SpanHead {
        parent: NonZeroU64::new(8),
        opened_at: 123,
        follows_from: &[6, 7],
    };
    let bytes = pack_span(&head, &span, "request", &packed_fields, <[u8]>::to_vec);
    let record = unpack(&bytes).unwrap();
    assert_eq!((record.span, &*record.message), (Some(9), "request"));
    assert_eq!(record.target, "a target");
    let RecordKind::Span(opened) = &record.kind else {
        panic!("{:?}", record.kind);
    };
    assert_eq!((opened.parent, opened.opened_at), (Some(8), 123));
    assert_eq!(opened.follows_from().collect::<Vec<_>>(), [6, 7]);
    let expected = [
        ("user", FieldValue::U64(7)),
        ("path", FieldValue::Str("/x")),
    ];
    assert_eq!(record.fields().collect::<Vec<_>>(), expected);
    let bytes = pack_span_closed(NonZeroU64::new(9).unwrap(), <[u8]>::to_vec);
    let record = unpack(&bytes).unwrap();
    assert!(matches!(record.kind, RecordKind::SpanClosed) && record.span == Some(9));
}

#[test]
fn a_field_of_a_span_that_does_not_fit_is_left_out() {
    let flaws = pack_fields(
        100,
        |writer| (0..20).for_each(|_| writer.str("key", "value")),
        |bytes, flaws| {
            assert!(bytes.len() <= 100);
            let fields = packlog::Fields::new(bytes);
            assert_eq!(fields.count(), 100 / (2 + 3 + 1 + 2 + 5));
            flaws
        },
    );
    assert!(flaws.cut());
}

#[test]
fn a_record_of_layout_version_1_is_read() {
    let head = Head::new(Level::Warn, "old");
    let mut bytes = pack_event(
        &head,
        |writer| writer.message_str("from version 1"),
        <[u8]>::to_vec,
    );
    // It had no thread numbers, either: the name followed the header of 20 bytes.
    let name = unpack(&bytes).unwrap().thread.to_owned();
    bytes[0] = 1;
    bytes[18] -= 4;
    bytes.drain(20..24);
    let record = unpack(&bytes).unwrap();
    assert_eq!((&*record.message, record.span), ("from version 1", None));
    assert_eq!((record.thread, record.thread_number), (&*name, None));
}
