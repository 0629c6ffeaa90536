//! Reads a packed record, packs it again, and formats it in every format.
#![no_main]

use flightrec_fuzz::assert_harmless;
use libfuzzer_sys::fuzz_target;
use log::Record;
use log::kv::{ToValue, Value};
use logtee::{Format, Json, Logfmt, Text, Time};
use packlog::{FieldValue, Unpacked};

struct Field<'a>(FieldValue<'a>);

impl ToValue for Field<'_> {
    fn to_value(&self) -> Value<'_> {
        match &self.0 {
            FieldValue::Null => Value::null(),
            FieldValue::Bool(value) => value.to_value(),
            FieldValue::I64(value) => value.to_value(),
            FieldValue::U64(value) => value.to_value(),
            FieldValue::I128(value) => value.to_value(),
            FieldValue::U128(value) => value.to_value(),
            FieldValue::F64(value) => value.to_value(),
            FieldValue::Str(text) | FieldValue::Json(text) => text.to_value(),
            FieldValue::Text(text) => Value::from_display(text),
            _ => Value::null(),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = packlog::Places::read(data).write_out(data);
    let Ok(unpacked) = packlog::unpack(data) else {
        return;
    };
    let pairs: Vec<_> = unpacked
        .fields()
        .map(|(key, value)| (key, Field(value)))
        .collect();
    let record = |visit: &mut dyn FnMut(&Record<'_>)| {
        visit(
            &Record::builder()
                .level(unpacked.level)
                .target(unpacked.target)
                .module_path(unpacked.module_path)
                .file(unpacked.file)
                .line(unpacked.line)
                .key_values(&pairs)
                .args(format_args!("{}", unpacked.message))
                .build(),
        );
    };
    record(&mut |record| {
        packlog::pack(record, |bytes| {
            assert!(bytes.len() <= packlog::MAX_LEN);
            let again = packlog::unpack(bytes).expect("a packed record can be read");
            if !again.cut {
                assert_same(&again, &unpacked);
            }
        });
    });
    let time = || Time::utc().clock(|| std::time::UNIX_EPOCH);
    let formats: [Box<dyn Format>; 3] = [
        Box::new(Text::new().time(time())),
        Box::new(Json::new().time(time())),
        Box::new(Logfmt::new().time(time())),
    ];
    for (n, format) in formats.iter().enumerate() {
        record(&mut |record| {
            let mut out = Vec::new();
            format
                .format(record, &mut out)
                .expect("writing to a vector");
            let line = String::from_utf8(out).expect("text");
            assert!(!line.contains('\n'), "{line:?}");
            assert_harmless(&line);
            if n == 1 {
                let json: serde_json::Value = serde_json::from_str(&line).expect("JSON");
                assert!(json.is_object());
            }
        });
    }
});

fn assert_same(again: &Unpacked<'_>, first: &Unpacked<'_>) {
    let facts = |record: &Unpacked<'_>| {
        let texts = [
            Some(record.target.to_owned()),
            record.module_path.map(str::to_owned),
            record.file.map(str::to_owned),
            Some(record.message.to_string()),
        ];
        (record.level, record.line, texts)
    };
    assert_eq!(facts(again), facts(first));
    let (mut ours, mut theirs) = (again.fields(), first.fields());
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => break,
            (Some((key, value)), Some((other, before))) => {
                assert_eq!(key, other);
                assert_eq!(text(&value), text(&before));
            }
            (ours, theirs) => panic!("{ours:?} is not {theirs:?}"),
        }
    }
}

/// The text of a value, which must stay the same. Numbers may change their type, and texts their kind.
fn text(value: &FieldValue<'_>) -> String {
    match value {
        FieldValue::Null => "null".to_owned(),
        FieldValue::Bool(value) => value.to_string(),
        FieldValue::I64(value) => value.to_string(),
        FieldValue::U64(value) => value.to_string(),
        FieldValue::I128(value) => value.to_string(),
        FieldValue::U128(value) => value.to_string(),
        FieldValue::F64(value) => value.to_string(),
        FieldValue::Str(text) | FieldValue::Text(text) | FieldValue::Json(text) => {
            (*text).to_owned()
        }
        other => format!("{other:?}"),
    }
}
