//! Packing and unpacking records: all parts, what is cut, and a `Display` that fails.

use std::cell::RefCell;
use std::fmt;

use log::{Level, Record};
use packlog::{self, FieldValue, MAX_LEN};

mod common;

fn pack(record: &Record<'_>) -> Vec<u8> {
    packlog::pack(record, <[u8]>::to_vec)
}

#[test]
fn a_padded_record_is_the_same_followed_by_zeros() {
    let long = "x".repeat(2 * MAX_LEN);
    // The long message comes first: its bytes in the buffer must not follow the short message.
    for message in [&*long, "short"] {
        check_padded(format_args!("{message}"), None);
        check_padded(format_args!("without arguments"), None);
        check_padded(format_args!("{message}"), Some(("key", 7)));
        check_padded(format_args!("without arguments"), Some(("key", 7)));
    }
}

fn check_padded(message: fmt::Arguments<'_>, field: Option<(&str, i32)>) {
    let mut builder = Record::builder();
    builder.args(message).target("here").line(Some(7));
    builder.module_path_static(Some("here"));
    builder.file_static(Some("here.rs"));
    if field.is_some() {
        builder.key_values(&field);
    }
    let record = builder.build();
    // Twice, because a place is interned when it is first packed.
    for _ in 0..2 {
        packlog::pack_padded(&record, |padded, len| {
            assert_eq!(padded[..len], pack(&record));
            assert_eq!(padded[len..len + 32], [0; 32]);
        });
    }
}

#[test]
fn a_static_record_unpacks_to_the_same_as_a_packed_one() {
    let with_field = Some(("key", 7));
    let builder = || {
        let mut builder = Record::builder();
        builder.level(Level::Info).line(Some(7));
        builder.module_path_static(Some("here")).target("here");
        builder.file_static(Some("here.rs"));
        builder.args(format_args!("all static"));
        builder
    };
    let plain = builder().build();
    for name in [
        Some("a name of thirty-two bytes, which fill all words"),
        Some("short"),
        None,
    ] {
        let mut thread = std::thread::Builder::new();
        if let Some(name) = name {
            thread = thread.name(name.to_owned());
        }
        let check = move || {
            let plain = builder().build();
            assert!(
                packlog::static_len() > 8 * packlog::STATIC_WORDS,
                "a new thread has no static records"
            );
            // The place, the message and the thread are prepared one after the other.
            for _ in 0..3 {
                packlog::pack_padded(&plain, |_, _| ());
            }
            let words = packlog::pack_static(&plain).expect("the record is interned");
            let bytes: Vec<_> = (0..packlog::STATIC_WORDS)
                .flat_map(|at| words.word(at).to_le_bytes())
                .collect();
            let (bytes, zeros) = bytes.split_at(packlog::static_len());
            assert!(zeros.iter().all(|byte| *byte == 0));
            let packed = pack(&plain);
            assert!(bytes.len() < packed.len());
            let unpacked = [bytes, &packed].map(|bytes| packlog::unpack(bytes).unwrap());
            let [one, other] = unpacked.map(|record| format!("{record:?}"));
            assert_eq!(one, other);
            assert_eq!(packlog::origin(bytes), packlog::origin(&packed));
            let head = |bytes: &[u8]| *bytes.first_chunk().unwrap();
            let [one, other] = [bytes, &packed].map(|bytes| packlog::origin_bytes(&head(bytes)));
            assert_eq!(one, other);
        };
        thread.spawn(check).unwrap().join().unwrap();
    }
    let is_static = |record: &Record<'_>| {
        packlog::pack_padded(record, |_, _| ());
        packlog::pack_static(record).is_some()
    };
    assert!(is_static(&plain));
    let number = plain.line();
    assert!(!is_static(
        &builder().args(format_args!("{number:?}")).build()
    ));
    assert!(!is_static(&builder().target("there").build()));
    assert!(!is_static(&builder().module_path(Some("here")).build()));
    assert!(!is_static(&builder().file(Some("here.rs")).build()));
    assert!(!is_static(&builder().line(None).build()));
    assert!(packlog::has_fields(
        &builder().key_values(&with_field).build()
    ));
    assert!(!packlog::has_fields(&plain));
    // Longer messages are not interned.
    const WORD: &str = "12345678";
    macro_rules! times_sixteen {
        ($($more:literal)?) => {
            format_args!(concat!(
                "12345678", "12345678", "12345678", "12345678", "12345678", "12345678", "12345678",
                "12345678", "12345678", "12345678", "12345678", "12345678", "12345678", "12345678",
                "12345678", "12345678" $(, $more)?
            ))
        };
    }
    assert_eq!(
        times_sixteen!().as_str().map(str::len),
        Some(16 * WORD.len())
    );
    assert!(is_static(&builder().args(times_sixteen!()).build()));
    assert!(!is_static(&builder().args(times_sixteen!("9")).build()));
}

#[test]
fn key_values_are_counted_once_and_visited_once() {
    #[derive(Default)]
    struct CountingSource {
        counts: std::cell::Cell<usize>,
        visits: std::cell::Cell<usize>,
    }
    impl log::kv::Source for CountingSource {
        fn visit<'kvs>(
            &'kvs self,
            visitor: &mut dyn log::kv::VisitSource<'kvs>,
        ) -> Result<(), log::kv::Error> {
            self.visits.set(self.visits.get() + 1);
            visitor.visit_pair("key".into(), 7.into())
        }

        fn count(&self) -> usize {
            self.counts.set(self.counts.get() + 1);
            1
        }
    }
    for _ in 0..2 {
        let source = CountingSource::default();
        let mut builder = Record::builder();
        builder.module_path_static(Some("here")).target("here");
        builder.file_static(Some("here.rs")).line(Some(7));
        let record = builder
            .args(format_args!("static"))
            .key_values(&source)
            .build();
        packlog::pack_padded(&record, |_, _| ());
        assert_eq!((source.counts.get(), source.visits.get()), (1, 1));
    }
}

#[test]
fn all_parts_of_a_record_are_unpacked() {
    let name = std::thread::Builder::new().name("packer".to_owned());
    let packing = || {
        let bytes = pack(
            &Record::builder()
                .level(Level::Warn)
                .target("another target")
                .module_path_static(Some("a::module"))
                .file_static(Some("src/a/module.rs"))
                .line(Some(71))
                .args(format_args!("{}-{:>4}", "text", 5))
                .key_values(&[("a", 1), ("b", 2)])
                .build(),
        );
        let record = packlog::unpack(&bytes).unwrap();
        assert_eq!(record.level, Level::Warn);
        assert_eq!(record.target, "another target");
        assert_eq!(record.module_path, Some("a::module"));
        assert_eq!(record.file, Some("src/a/module.rs"));
        assert_eq!(record.line, Some(71));
        assert_eq!(record.thread, "packer");
        assert_eq!(record.message, "text-   5");
        assert!(!record.cut && !record.broken);
        let fields: Vec<_> = record.fields().collect();
        assert_eq!(
            fields,
            [("a", FieldValue::I64(1)), ("b", FieldValue::I64(2))]
        );
    };
    name.spawn(packing).unwrap().join().unwrap();
}

#[test]
fn values_keep_their_types() {
    let big = u128::MAX;
    let text = format_args!("{:?}", [1]).to_string();
    struct FnLogger<F>(F);
    impl<F: Fn(&Record<'_>) + Send + Sync> log::Log for FnLogger<F> {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &Record<'_>) {
            (self.0)(record);
        }
        fn flush(&self) {}
    }
    let logger = FnLogger(|record: &Record<'_>| {
        let bytes = pack(record);
        let record = packlog::unpack(&bytes).unwrap();
        let fields: Vec<_> = record.fields().collect();
        assert_eq!(
            fields,
            [
                ("bool", FieldValue::Bool(true)),
                ("signed", FieldValue::I64(-5)),
                ("unsigned", FieldValue::U64(5)),
                ("big", FieldValue::U128(u128::MAX)),
                ("float", FieldValue::F64(1.5)),
                ("char", FieldValue::Str("ä")),
                ("str", FieldValue::Str("text")),
                ("unit", FieldValue::Null),
                ("debug", FieldValue::Text("[1]")),
                ("display", FieldValue::Text("[1]")),
            ]
        );
    });
    log::error!(
        logger: logger, bool = true, signed = -5, unsigned = 5u8, big, float = 1.5, char = 'ä',
        str = "text", unit = (), debug:? = [1], display:% = text; "typed"
    );
}

#[test]
fn names_are_written_out_for_another_process() {
    let record = Record::builder()
        .target("a::module")
        .module_path_static(Some("a::module"))
        .file_static(Some("src/a/very/long/path/module.rs"))
        .build();
    let interned = pack(&record);
    let written_out = common::written_out(&interned);
    assert!(written_out.len() > interned.len() + 30);
    assert!(String::from_utf8_lossy(&written_out).contains("src/a/very/long/path/module.rs"));
    for bytes in [interned, written_out] {
        let unpacked = packlog::unpack(&bytes).unwrap();
        assert_eq!(unpacked.target, "a::module");
        assert_eq!(unpacked.file, Some("src/a/very/long/path/module.rs"));
    }
}

/// Packs a record while it is formatted.
struct Nested;

thread_local! {
    static INNER: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

impl fmt::Display for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = pack(&Record::builder().args(format_args!("inner {}", 1)).build());
        INNER.with_borrow_mut(|all| all.push(inner));
        f.write_str("outer")
    }
}

#[test]
fn a_display_that_packs_a_record_gets_another_buffer() {
    let outer = pack(
        &Record::builder()
            .args(format_args!("an {Nested} record"))
            .build(),
    );
    assert_eq!(packlog::unpack(&outer).unwrap().message, "an outer record");
    let inner = INNER.take();
    assert_eq!(packlog::unpack(&inner[0]).unwrap().message, "inner 1");
}

struct Panics;
impl fmt::Display for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half ")?;
        panic!("a Display of the test's panics");
    }
}

struct Fails;
impl fmt::Display for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half ")?;
        Err(fmt::Error)
    }
}

#[test]
fn the_text_of_a_display_that_fails_or_panics_is_kept() {
    let check = |args: fmt::Arguments<'_>| {
        let value = format_args!("{}", 1).to_string();
        let record = pack(
            &Record::builder()
                .args(args)
                .key_values(&[("good", log::kv::Value::from_display(&value))])
                .build(),
        );
        let record = packlog::unpack(&record).unwrap();
        assert_eq!(record.message, "message: half ");
        assert!(record.broken && !record.cut);
        assert_eq!(
            record.fields().collect::<Vec<_>>(),
            [("good", FieldValue::Text("1"))]
        );
    };
    check(format_args!("message: {Panics}"));
    check(format_args!("message: {Fails}"));

    let pairs = [
        ("one", log::kv::Value::from_display(&Panics)),
        ("two", log::kv::Value::from_display(&Fails)),
        ("three", log::kv::Value::from(3)),
    ];
    let record = pack(&Record::builder().key_values(&pairs).build());
    let record = packlog::unpack(&record).unwrap();
    assert!(record.broken);
    let fields: Vec<_> = record.fields().collect();
    assert_eq!(
        fields,
        [
            ("one", FieldValue::Text("half ")),
            ("two", FieldValue::Text("half ")),
            ("three", FieldValue::I64(3)),
        ]
    );
}

/// A source that panics when it is counted, and when it is visited after its first pair.
struct PanickingSource;

impl log::kv::Source for PanickingSource {
    fn visit<'kvs>(
        &'kvs self,
        visitor: &mut dyn log::kv::VisitSource<'kvs>,
    ) -> Result<(), log::kv::Error> {
        visitor.visit_pair("first".into(), 1.into())?;
        panic!("a Source of the test's panics");
    }

    fn count(&self) -> usize {
        panic!("a Source of the test's panics");
    }
}

#[test]
fn fields_before_the_panic_of_a_source_are_kept() {
    let bytes = pack(
        &Record::builder()
            .args(format_args!("message {}", 1))
            .key_values(&PanickingSource)
            .build(),
    );
    let record = packlog::unpack(&bytes).unwrap();
    assert_eq!(record.message, "message 1");
    assert!(record.broken && !record.cut);
    let fields: Vec<_> = record.fields().collect();
    assert_eq!(fields, [("first", FieldValue::I64(1))]);
}

#[cfg(feature = "serde")]
#[test]
fn the_other_fields_of_a_value_that_panics_are_kept() {
    use log::kv::{ToValue as _, Value};
    struct PanickingValue;
    impl serde::Serialize for PanickingValue {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("a Serialize of the test's panics");
        }
    }
    let pairs = [
        ("before", 1.to_value()),
        ("bad", Value::from_serde(&PanickingValue)),
        ("after", 2.to_value()),
    ];
    let bytes = pack(
        &Record::builder()
            .args(format_args!("kept"))
            .key_values(&pairs)
            .build(),
    );
    let record = packlog::unpack(&bytes).unwrap();
    assert_eq!(record.message, "kept");
    assert!(record.broken && !record.cut);
    let fields: Vec<_> = record.fields().collect();
    assert_eq!(
        fields,
        [
            ("before", FieldValue::I64(1)),
            ("bad", FieldValue::Text("[formatting failed]")),
            ("after", FieldValue::I64(2)),
        ]
    );
}

#[test]
fn texts_that_are_too_long_are_cut() {
    let long = "ä".repeat(MAX_LEN);
    let fields = [("short", "value"), ("long", &*long), ("also", "short")];
    let bytes = pack(
        &Record::builder()
            .target(&long)
            .module_path(Some(&long[2..]))
            .file(Some(&long))
            .args(format_args!("{long}{}", 1))
            .key_values(&fields)
            .build(),
    );
    assert!(bytes.len() <= MAX_LEN);
    let record = packlog::unpack(&bytes).unwrap();
    assert!(record.cut && !record.broken);
    assert!(record.message.len() > MAX_LEN / 2);
    assert!(record.message.chars().all(|c| c == 'ä'));
    let fields: Vec<_> = record.fields().collect();
    assert_eq!(
        fields,
        [
            ("short", FieldValue::Str("value")),
            ("also", FieldValue::Str("short"))
        ]
    );
}

#[test]
fn ten_thousand_fields_are_bounded() {
    let pairs: Vec<_> = (0..10_000).map(|at| (format!("key{at}"), at)).collect();
    let bytes = pack(&Record::builder().key_values(&pairs).build());
    let record = packlog::unpack(&bytes).unwrap();
    assert!(record.cut);
    let kept: Vec<_> = record.fields().collect();
    assert!(kept.len() > 100);
    assert_eq!(kept[99], ("key99", FieldValue::I64(99)));
}

#[test]
fn packing_works_in_the_destructors_of_thread_locals() {
    struct Late(std::sync::mpsc::Sender<Vec<u8>>);
    impl Drop for Late {
        fn drop(&mut self) {
            let last = pack(&Record::builder().args(format_args!("late {}", 1)).build());
            self.0.send(last).unwrap();
        }
    }
    thread_local! {
        static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        LATE.set(Some(Late(send)));
        pack(&Record::builder().build());
    })
    .join()
    .unwrap();
    assert_eq!(
        packlog::unpack(&receive.recv().unwrap()).unwrap().message,
        "late 1"
    );
}

#[test]
fn errors_say_what_is_wrong() {
    let message = |bytes: &[u8]| packlog::unpack(bytes).unwrap_err().to_string();
    assert_eq!(
        message(b""),
        "cannot unpack a log record: shorter than a record's header"
    );
    let mut bytes = pack(&Record::builder().build());
    bytes.push(0);
    assert!(message(&bytes).ends_with("there are more bytes after the record"));
    bytes[0] = 99;
    assert!(message(&bytes).contains("another version"));
}

#[test]
fn threads_with_the_same_name_have_different_numbers() {
    struct Logs;
    impl std::fmt::Display for Logs {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let args = format_args!("within");
            let record = Record::builder().args(args).build();
            let number = packlog::pack(&record, |bytes| {
                packlog::unpack(bytes).unwrap().thread_number
            });
            write!(f, "{number:?}")
        }
    }
    let number = || {
        let args = format_args!("{Logs}");
        let record = Record::builder().args(args).build();
        packlog::pack(&record, |bytes| {
            let record = packlog::unpack(bytes).unwrap();
            assert_eq!(record.message, format!("{:?}", record.thread_number));
            record.thread_number.unwrap()
        })
    };
    let mut numbers: Vec<u32> = (0..10)
        .map(|_| {
            let named = std::thread::Builder::new().name("worker".to_owned());
            named.spawn(number).unwrap().join().unwrap()
        })
        .collect();
    numbers.push(number());
    assert_eq!(number(), numbers[10]);
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 11);
}

#[test]
fn records_with_equal_origin_bits_and_bytes_have_the_same_origin() {
    let mask = packlog::origin_mask();
    let places = [
        ("aa", None),
        ("bb", None),
        ("aa", Some("bb")),
        ("bb", Some("cc")),
    ];
    let places = places.into_iter().chain(places);
    let places = places.flat_map(|place| [Level::Info, Level::Debug].map(|level| (place, level)));
    let places = places.flat_map(|place| [false, true].map(|written_out| (place, written_out)));
    let packed: Vec<_> = places
        .zip(1..)
        .map(|((((module, target), level), written_out), line)| {
            let args = format_args!("m{line}");
            let record = Record::builder()
                .level(level)
                .target(target.unwrap_or(module))
                .module_path_static(Some(module))
                .file_static(Some("file.rs"))
                .line(Some(line))
                .args(args)
                .build();
            let bytes = match written_out {
                true => common::written_out(&pack(&record)),
                false => pack(&record),
            };
            let head = std::array::from_fn(|at| bytes[at] & mask[at]);
            let range = packlog::origin_bytes(&head).unwrap();
            let key = (head, bytes[range].to_vec());
            let origin = packlog::origin(&bytes).unwrap();
            (key, written_out, (origin.level, origin.target.to_owned()))
        })
        .collect();
    let mut equal = 0;
    for (key, written_out, origin) in &packed {
        for (other_key, other_written_out, other_origin) in &packed {
            if key == other_key {
                assert_eq!(origin, other_origin);
                equal += 1;
            }
            // Each place occurs twice, on different lines.
            assert!(
                written_out != other_written_out
                    || key == other_key
                    || origin != other_origin
                    || origin.1 == "bb"
            );
        }
    }
    assert_eq!(equal, 2 * packed.len());
}
