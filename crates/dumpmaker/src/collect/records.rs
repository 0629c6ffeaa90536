//! Unpacks the records of a dump.

use std::collections::HashMap;

use flightrec_dump::{Dump, Entries, Level, LogRecord, Value};
use packlog::{FieldValue, RecordKind, Unpacked};
use tailwriter::{Entry, Snapshot};

/// Adds the records of a snapshot to a dump, and the number of evicted records. The records must be
/// packed by `packlog`. Returns for each record whether a share (see [`Bounds`](super::Bounds)) keeps
/// it.
pub fn add_records(snapshot: &Snapshot, dump: &mut Dump) -> Vec<bool> {
    let records = snapshot
        .entries()
        .filter_map(|entry| Some((record(&entry)?, entry.has_share())));
    let has_share;
    (dump.latest_logs, has_share) = records.unzip();
    dump.evicted_logs = snapshot.evicted();
    has_share
}

/// Unpacks a record. Returns `None` if the entry is about a span. A record that can't be unpacked gets a
/// message that says so.
pub fn record(entry: &Entry<'_>) -> Option<LogRecord> {
    let mut record = LogRecord::default();
    record.seq = entry.seq();
    record.time = entry.time().into();
    let Ok(packed) = packlog::unpack(entry.line()) else {
        record.msg = "[this record could not be read back]".to_owned();
        return Some(record);
    };
    if !matches!(packed.kind, RecordKind::Event) {
        return None;
    }
    record.level = level(packed.level);
    record.target = packed.target.to_owned();
    record.file = packed.file.map(str::to_owned);
    record.line = packed.line;
    record.thread = packed.thread.to_owned();
    record.span = packed.span;
    record.fields = fields(&packed);
    record.cut = packed.cut;
    record.msg = packed.message.into();
    Some(record)
}

/// Unpacks the key-values of a record. A key that occurs again gets a number, as in the JSON of `logtee`:
/// parsers of JSON differ in which of two equal keys they use.
fn fields(packed: &Unpacked<'_>) -> Entries<Value> {
    // How often each key has occurred.
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut named = Vec::new();
    for (key, field) in packed.fields() {
        let mut name = key.to_owned();
        while let Some(times) = seen.get_mut(&name) {
            *times += 1;
            name = format!("{name}_{times}");
        }
        seen.insert(name.clone(), 1);
        named.push((name, value(field)));
    }
    named.into_iter().collect()
}

pub(crate) fn level(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warn,
        log::Level::Info => Level::Info,
        log::Level::Debug => Level::Debug,
        log::Level::Trace => Level::Trace,
    }
}

pub(crate) fn value(value: FieldValue<'_>) -> Value {
    match value {
        FieldValue::Null => Value::Null,
        FieldValue::Bool(value) => value.into(),
        FieldValue::I64(value) => value.into(),
        FieldValue::U64(value) => value.into(),
        FieldValue::I128(value) => value.into(),
        FieldValue::U128(value) => value.into(),
        FieldValue::F64(value) => value.into(),
        FieldValue::Str(text) | FieldValue::Text(text) => text.into(),
        #[cfg(feature = "nested-values")]
        FieldValue::Json(json) => serde_json::from_str(json).unwrap_or_else(|_| json.into()),
        #[cfg(not(feature = "nested-values"))]
        FieldValue::Json(json) => json.into(),
        other => format!("{other:?}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_nested_with_the_feature() {
        let json = r#"{"ports":[80,443]}"#;
        let ports = Value::List(vec![80_u64.into(), 443_u64.into()]);
        let nested = Value::Map([("ports".to_owned(), ports)].into_iter().collect());
        let expected = match cfg!(feature = "nested-values") {
            true => nested,
            false => json.into(),
        };
        assert_eq!(value(FieldValue::Json(json)), expected);
        // Inexact parsers of numbers get the last digit wrong.
        let number = 907.303_832_202_887_f64;
        let expected = match cfg!(feature = "nested-values") {
            true => Value::from(number),
            false => "907.3038322028869".into(),
        };
        assert_eq!(value(FieldValue::Json("907.3038322028869")), expected);
        // JSON that was cut is text.
        assert_eq!(value(FieldValue::Json("{\"por")), Value::from("{\"por"));
    }
}
