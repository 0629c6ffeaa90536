//! Golden lines, and tests that any record becomes one line.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::kv::{ToValue, Value};
use log::{Level, Record};
use logtee::{Format, Json, Logfmt, Text, Time};
use proptest::prelude::*;

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_795_391_990_123)
}

fn time() -> Time {
    Time::utc().clock(clock)
}

fn line(format: &dyn Format, record: &Record<'_>) -> String {
    let mut out = Vec::new();
    format.format(record, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn check(record: &Record<'_>, text: &str, json: &str, logfmt: &str) {
    assert_eq!(line(&Text::new().time(time()), record), text);
    let ours = line(&Json::new().time(time()), record);
    assert_eq!(ours, json);
    serde_json::from_str::<serde_json::Value>(&ours).unwrap();
    assert_eq!(line(&Logfmt::new().time(time()), record), logfmt);
}

#[test]
fn a_plain_record() {
    check(
        &Record::builder()
            .level(Level::Info)
            .target("app::net")
            .args(format_args!("connected to {}", "db"))
            .file(Some("src/net.rs"))
            .line(Some(17))
            .build(),
        "2026-11-22T23:59:50.123Z INFO  app::net: connected to db",
        r#"{"time":"2026-11-22T23:59:50.123Z","level":"INFO","target":"app::net","msg":"connected to db","file":"src/net.rs","line":17}"#,
        r#"time=2026-11-22T23:59:50.123Z level=INFO target=app::net msg="connected to db" file=src/net.rs line=17"#,
    );
}

#[test]
fn key_values_keep_types_and_order() {
    struct Point;
    impl fmt::Debug for Point {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Point { x: 1 }")
        }
    }
    let pairs: [(&str, Value<'_>); 12] = [
        ("z", 1.to_value()),
        ("a", (-2i64).to_value()),
        ("big", u128::MAX.to_value()),
        ("float", 1.0.to_value()),
        ("huge", 1e300.to_value()),
        ("nan", f64::NAN.to_value()),
        ("yes", true.to_value()),
        ("nothing", Value::null()),
        ("word", "plain".to_value()),
        ("words", "two words".to_value()),
        ("empty", "".to_value()),
        ("debug", Value::from_debug(&Point)),
    ];
    check(
        &Record::builder()
            .level(Level::Debug)
            .target("t")
            .args(format_args!("m"))
            .key_values(&pairs)
            .build(),
        "2026-11-22T23:59:50.123Z DEBUG t: m z=1 a=-2 \
         big=340282366920938463463374607431768211455 float=1.0 huge=1e300 nan=NaN yes=true \
         nothing=null word=plain words=\"two words\" empty=\"\" debug=\"Point { x: 1 }\"",
        "{\"time\":\"2026-11-22T23:59:50.123Z\",\"level\":\"DEBUG\",\"target\":\"t\",\"msg\":\"m\",\
         \"fields\":{\"z\":1,\"a\":-2,\"big\":340282366920938463463374607431768211455,\
         \"float\":1.0,\"huge\":1e300,\"nan\":\"NaN\",\"yes\":true,\"nothing\":null,\
         \"word\":\"plain\",\"words\":\"two words\",\"empty\":\"\",\"debug\":\"Point { x: 1 }\"}}",
        "time=2026-11-22T23:59:50.123Z level=DEBUG target=t msg=\"m\" z=1 a=-2 \
         big=340282366920938463463374607431768211455 float=1.0 huge=1e300 nan=NaN yes=true \
         nothing=null word=plain words=\"two words\" empty=\"\" debug=\"Point { x: 1 }\"",
    );
}

#[test]
fn keys_that_occur_again_get_a_number_in_json() {
    let json = |pairs: &[(String, usize)]| {
        let record = Record::builder().key_values(&pairs).build();
        let line = line(&Json::new(), &record);
        line[line.find("\"fields\":").unwrap() + 9..line.len() - 1].to_owned()
    };
    let pairs = |keys: &[&str]| -> Vec<_> {
        let keys = keys.iter().enumerate();
        keys.map(|(at, key)| ((*key).to_owned(), at)).collect()
    };
    assert_eq!(
        json(&pairs(&["a", "b", "a", "a_2", "a"])),
        r#"{"a":0,"b":1,"a_2":2,"a_2_2":3,"a_3":4}"#
    );
    // More keys than are compared one by one.
    let mut many: Vec<_> = (0..20).map(|at| (format!("k{at}"), at)).collect();
    many.extend(pairs(&["k3", "k19", "k3", "k20", "k20"]));
    let text = json(&many);
    let read: std::collections::BTreeMap<String, usize> = serde_json::from_str(&text).unwrap();
    assert_eq!(read.len(), many.len(), "{text}");
    for (key, value) in [
        ("k3", 3),
        ("k3_2", 0),
        ("k3_3", 2),
        ("k19_2", 1),
        ("k20_2", 4),
    ] {
        assert_eq!(read[key], value, "{text}");
    }
}

#[test]
fn characters_that_could_leave_the_line_are_escaped() {
    check(
        &Record::builder()
            .level(Level::Warn)
            .target("a\nb")
            .args(format_args!("one\ntwo\x1b[31m{}", "\u{202e}\"q\" C:\\"))
            .key_values(&[("k\n=\"", "v\n\u{9b}")])
            .build(),
        "2026-11-22T23:59:50.123Z WARN  a\\nb: one\\ntwo\\x1b[31m\\u{202e}\"q\" C:\\ \
         k___=\"v\\n\\u009b\"",
        r#"{"time":"2026-11-22T23:59:50.123Z","level":"WARN","target":"a\nb","msg":"one\ntwo\u001b[31m\u202e\"q\" C:\\","fields":{"k\n=\"":"v\n\u009b"}}"#,
        r#"time=2026-11-22T23:59:50.123Z level=WARN target="a\nb" msg="one\ntwo\u001b[31m\u202e\"q\" C:\\" k___="v\n\u009b""#,
    );
}

#[test]
fn colours_are_off_by_default() {
    let record = Record::builder()
        .level(Level::Error)
        .target("t")
        .args(format_args!("m"))
        .build();
    assert_eq!(
        line(&Text::new().time(time()).colored(true), &record),
        "\x1b[2m2026-11-22T23:59:50.123Z\x1b[0m \x1b[31mERROR\x1b[0m t: m"
    );
}

struct Broken(bool);
impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half\n")?;
        assert!(self.0, "a Display of the test's panics");
        Err(fmt::Error)
    }
}

#[test]
fn a_display_that_fails_or_panics_is_marked_and_the_rest_is_kept() {
    for broken in [Broken(true), Broken(false)] {
        let pairs = [
            ("bad", Value::from_display(&broken)),
            ("good", 1.to_value()),
        ];
        check(
            &Record::builder()
                .level(Level::Warn)
                .target("t")
                .args(format_args!("<{broken}>"))
                .key_values(&pairs)
                .build(),
            "2026-11-22T23:59:50.123Z WARN  t: <half\\n[formatting failed] \
             bad=\"half\\n[formatting failed]\" good=1",
            r#"{"time":"2026-11-22T23:59:50.123Z","level":"WARN","target":"t","msg":"<half\n[formatting failed]","fields":{"bad":"half\n[formatting failed]","good":1}}"#,
            r#"time=2026-11-22T23:59:50.123Z level=WARN target=t msg="<half\n[formatting failed]" bad="half\n[formatting failed]" good=1"#,
        );
    }
}

#[cfg(feature = "serde")]
#[test]
fn nested_values_are_json() {
    let nested = std::collections::BTreeMap::from([("a", vec![1, 2]), ("b\u{202e}", vec![])]);
    let pairs = [
        ("user", Value::from_serde(&nested)),
        ("text", Value::from_serde(&"plain")),
    ];
    check(
        &Record::builder()
            .level(Level::Info)
            .target("t")
            .args(format_args!("m"))
            .key_values(&pairs)
            .build(),
        r#"2026-11-22T23:59:50.123Z INFO  t: m user="{\"a\":[1,2],\"b\\u202e\":[]}" text=plain"#,
        r#"{"time":"2026-11-22T23:59:50.123Z","level":"INFO","target":"t","msg":"m","fields":{"user":{"a":[1,2],"b\u202e":[]},"text":"plain"}}"#,
        r#"time=2026-11-22T23:59:50.123Z level=INFO target=t msg="m" user="{\"a\":[1,2],\"b\\u202e\":[]}" text=plain"#,
    );
}

#[cfg(feature = "serde")]
#[test]
fn if_a_value_panics_while_it_is_visited_only_that_value_is_lost() {
    struct Panics;
    impl serde::Serialize for Panics {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("a Serialize of the test's panics");
        }
    }
    let pairs = [
        ("before", 1.to_value()),
        ("bad", Value::from_serde(&Panics)),
        ("after", 2.to_value()),
    ];
    let record = Record::builder()
        .target("t")
        .args(format_args!("m"))
        .key_values(&pairs)
        .build();
    check(
        &record,
        "2026-11-22T23:59:50.123Z INFO  t: m before=1 bad=\"[formatting failed]\" after=2",
        r#"{"time":"2026-11-22T23:59:50.123Z","level":"INFO","target":"t","msg":"m","fields":{"before":1,"bad":"[formatting failed]","after":2}}"#,
        r#"time=2026-11-22T23:59:50.123Z level=INFO target=t msg="m" before=1 bad="[formatting failed]" after=2"#,
    );
    let owned = logtee::OwnedRecord::capture(&record);
    assert_eq!(owned.fields.len(), 3);
}

#[cfg(all(feature = "local-time", unix))]
#[test]
fn local_time_follows_daylight_saving() {
    const CHILD: &str = "LOGTEE_TEST_LOCAL_TIME_CHILD";
    const NAME: &str = "local_time_follows_daylight_saving";
    if std::env::var_os(CHILD).is_none() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME])
            .env(CHILD, "1")
            .env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let time = Time::local();
    let text = |seconds| {
        time.digits(0)
            .text(UNIX_EPOCH + Duration::from_secs(seconds))
    };
    // In 2026 summer time ended on 25 October at 01:00 UTC.
    let end = 1_792_890_000;
    assert_eq!(text(end - 1), "2026-10-25T02:59:59+02:00");
    assert_eq!(text(end), "2026-10-25T02:00:00+01:00");
    assert_eq!(text(end - 1), "2026-10-25T02:59:59+02:00");
}

#[cfg(feature = "local-time")]
#[test]
fn local_time_is_the_same_instant() {
    let local = Time::local().clock(clock).now();
    // The local time minus its written offset is the time of the clock.
    let (date_time, offset) = if let Some(utc) = local.strip_suffix('Z') {
        (utc.to_owned(), 0)
    } else {
        let (date_time, offset) = local.split_at(local.len() - 6);
        let minutes: i64 =
            offset[1..3].parse::<i64>().unwrap() * 60 + offset[4..6].parse::<i64>().unwrap();
        let sign = if offset.starts_with('-') { -1 } else { 1 };
        (date_time.to_owned(), sign * minutes * 60)
    };
    let at_offset = Time::at_offset(offset as i32).clock(clock).now();
    assert!(at_offset.starts_with(&date_time));
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        prop::collection::vec(
            prop::sample::select(vec![
                "\n", "\r", "\x1b[2J", "\u{85}", "\u{2028}", "\u{202e}", "\u{7f}", "\"", "\\", "=",
                " ", "a", "ä", "{", "}", "\0",
            ]),
            0..12
        )
        .prop_map(|parts| parts.concat()),
    ]
}

proptest! {
    #[test]
    fn a_record_is_one_line_and_json_reads_back(
        target in hostile(), message in hostile(), key in hostile(), value in hostile(),
    ) {
        let pairs = [(&*key, &*value)];
        let args = message.clone();
        let formatted = |format: &dyn Format| line(
            format,
            &Record::builder()
                .target(&target)
                .args(format_args!("{args}"))
                .key_values(&pairs)
                .build(),
        );
        let json = formatted(&Json::new());
        for line in [formatted(&Text::new()), json.clone(), formatted(&Logfmt::new())] {
            prop_assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
            prop_assert!(
                !line.contains(['\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}']), "{line:?}"
            );
        }
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read["target"], &target);
        prop_assert_eq!(&read["msg"], &message);
        prop_assert_eq!(&read["fields"][&key], &value);
    }
}
