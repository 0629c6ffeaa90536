//! Property tests: records of any content, and hostile bytes.

use log::Record;
use packlog::{self, FieldValue, Unpacked};
use proptest::prelude::*;

mod common;

fn read_all(record: &Unpacked<'_>) -> usize {
    record.target.len() + record.message.len() + record.fields().count()
}

/// Unpacks bytes, which may fail, and compares the result with that of `origin`.
fn check_any_bytes(bytes: &[u8]) {
    let origin = packlog::origin(bytes);
    let Ok(record) = packlog::unpack(bytes) else {
        return;
    };
    read_all(&record);
    let is_event = matches!(record.kind, packlog::RecordKind::Event);
    assert_eq!(origin.is_some(), is_event);
    if let Some(origin) = origin {
        let unpacked = (record.level, record.target, record.thread_number);
        assert_eq!(
            (origin.level, origin.target, origin.thread_number),
            unpacked
        );
    }
}

#[derive(Debug, Clone)]
enum AnyValue {
    Str(String),
    I64(i64),
    U128(u128),
    F64(f64),
    Bool(bool),
    Null,
}

impl log::kv::ToValue for AnyValue {
    fn to_value(&self) -> log::kv::Value<'_> {
        match self {
            AnyValue::Str(v) => v.to_value(),
            AnyValue::I64(v) => v.to_value(),
            AnyValue::U128(v) => v.to_value(),
            AnyValue::F64(v) => v.to_value(),
            AnyValue::Bool(v) => v.to_value(),
            AnyValue::Null => log::kv::Value::null(),
        }
    }
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    prop_oneof![
        ".{0,40}".prop_map(AnyValue::Str),
        any::<i64>().prop_map(AnyValue::I64),
        any::<u128>().prop_map(AnyValue::U128),
        (-1e300..1e300f64).prop_map(AnyValue::F64),
        any::<bool>().prop_map(AnyValue::Bool),
        Just(AnyValue::Null),
    ]
}

proptest! {
    #[test]
    fn unpacking_returns_the_packed_record(
        target in ".{0,60}",
        module in prop::option::of(".{0,60}"),
        file in prop::option::of(".{0,60}"),
        line in prop::option::of(any::<u32>()),
        message in ".{0,400}",
        pairs in prop::collection::vec((".{0,20}", any_value()), 0..10),
        written_out in any::<bool>(),
        static_names in any::<bool>(),
    ) {
        let mut builder = Record::builder();
        builder.target(&target).line(line);
        if static_names {
            builder.module_path_static(Some("a::b")).file_static(Some("a/b.rs"));
        } else {
            builder.module_path(module.as_deref()).file(file.as_deref());
        }
        let args = message.clone();
        let mut bytes = packlog::pack(
            &builder.args(format_args!("{args}{}", "")).key_values(&pairs).build(),
            <[u8]>::to_vec,
        );
        if written_out {
            bytes = common::written_out(&bytes);
        }
        let record = packlog::unpack(&bytes).unwrap();
        prop_assert!(!record.cut && !record.broken);
        prop_assert_eq!(record.target, target);
        let (module, file) = if static_names {
            (Some("a::b"), Some("a/b.rs"))
        } else {
            (module.as_deref(), file.as_deref())
        };
        prop_assert_eq!(record.module_path, module);
        prop_assert_eq!(record.file, file);
        prop_assert_eq!(record.line, line);
        prop_assert_eq!(record.message.as_ref(), message);
        let fields: Vec<_> = record.fields().collect();
        prop_assert_eq!(fields.len(), pairs.len());
        for ((key, value), (expected_key, expected)) in fields.into_iter().zip(&pairs) {
            prop_assert_eq!(key, expected_key);
            match (value, expected) {
                (FieldValue::Str(a), AnyValue::Str(b)) => prop_assert_eq!(a, b),
                (FieldValue::I64(a), AnyValue::I64(b)) => prop_assert_eq!(a, *b),
                (FieldValue::U128(a), AnyValue::U128(b)) => prop_assert_eq!(a, *b),
                (FieldValue::F64(a), AnyValue::F64(b)) => prop_assert_eq!(a, *b),
                (FieldValue::Bool(a), AnyValue::Bool(b)) => prop_assert_eq!(a, *b),
                (FieldValue::Null, AnyValue::Null) => {}
                (a, b) => prop_assert!(false, "{a:?} is not {b:?}"),
            }
        }
    }

    #[test]
    fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        check_any_bytes(&bytes);
        let _ = packlog::map_thread(&bytes, |_| "other".to_owned().into());
        let _ = packlog::Places::read(&bytes).write_out(&bytes);
    }

    #[test]
    fn a_damaged_record_does_not_panic(at in 0usize..400, to in any::<u8>(), end in 0usize..400) {
        let mut bytes = packlog::pack(
            &Record::builder().target("t").file(Some("f")).args(format_args!("m{}", 1))
                .key_values(&[("a", "b"), ("c", "d")]).build(),
            <[u8]>::to_vec,
        );
        let len = bytes.len();
        bytes[at % len] = to;
        bytes.truncate(len - end % len);
        check_any_bytes(&bytes);
    }
}

#[test]
fn map_thread_replaces_only_the_name_of_the_thread() {
    let record = Record::builder()
        .target("t")
        .args(format_args!("m"))
        .key_values(&[("a", "b")])
        .build();
    let packed = packlog::pack(&record, <[u8]>::to_vec);
    let before = packlog::unpack(&packed).unwrap();
    for name in ["", "other", &"ä".repeat(200)] {
        let mapped = packlog::map_thread(&packed, |_| name.to_owned().into()).unwrap();
        let after = packlog::unpack(&mapped).unwrap();
        assert!(name.starts_with(after.thread) && after.thread.len() >= name.len().min(248));
        assert_eq!(after.message, before.message);
        assert_eq!(after.thread_number, before.thread_number);
        assert_eq!(after.fields().count(), 1);
    }
    assert!(packlog::map_thread(&packed, |name| name.into()).is_none());
}
