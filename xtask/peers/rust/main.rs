//! Masks texts with one of the peers from crates.io.
//!
//! Usage: peers NAME < TEXTS > RESULT; the formats are described in peers.py

use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

const MASK: &str = "[redacted]";

fn main() {
    let name = std::env::args().nth(1).expect("a name");
    let texts: Vec<String> = serde_json::from_reader(io::stdin()).expect("texts in JSON");
    let (mask, version): (Box<dyn Fn(&str) -> String>, _) = match &*name {
        "faultbox" => (Box::new(faultbox()), "0.1.2"),
        "redact-core" => (Box::new(redact_core()), "0.12.7"),
        "secretscan" => (Box::new(secretscan()), "0.2.5"),
        "tracing-flight-recorder" => (Box::new(flight_recorder()), "0.3.0"),
        other => panic!("unknown peer {other}"),
    };
    mask("warm up");
    let start = Instant::now();
    let masked: Vec<String> = texts.iter().map(|text| mask(text)).collect();
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    println!("{}", serde_json::json!({ "version": version, "ms": ms, "masked": masked }));
}

fn splice(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_by_key(|range| (range.start, range.end));
    let (mut out, mut done) = (String::new(), 0);
    for range in ranges.into_iter().filter(|range| range.start < range.end) {
        if range.end <= done {
            continue;
        }
        if range.start >= done {
            out.push_str(&text[done..range.start]);
            out.push_str(MASK);
        }
        done = range.end;
    }
    out + &text[done..]
}

/// `BasicRedactor::redact`. It also masks e-mail addresses, which are not secrets here: a text in
/// which it masked nothing else counts as untouched.
fn faultbox() -> impl Fn(&str) -> String {
    use faultbox::Redactor;
    let redactor = faultbox::BasicRedactor::new().home("/no/such/home");
    let marker = redactor.redact("ana@example.org");
    move |text| {
        let masked = redactor.redact(text);
        let is_part = |c: char| c.is_ascii_alphanumeric() || "@.-_+%".contains(c);
        let mut addresses_only = text.to_owned();
        for word in text.split(|c| !is_part(c)).filter(|word| word.contains('@')) {
            if redactor.redact(word) == marker {
                addresses_only = addresses_only.replace(word, &marker);
            }
        }
        if masked == addresses_only { text.to_owned() } else { masked }
    }
}

/// The entities that are credentials or payment data.
fn redact_core() -> impl Fn(&str) -> String {
    let engine = redact_core::AnalyzerEngine::new();
    const WANTED: [&str; 9] = [
        "Key", "Token", "Secret", "Webhook", "CreditCard", "Password", "Credential", "Connection",
        "Generic",
    ];
    move |text| {
        let found = engine.analyze(text, None).map(|found| found.detected_entities);
        let ranges = found
            .unwrap_or_default()
            .into_iter()
            .filter(|entity| {
                let kind = format!("{:?}", entity.entity_type);
                WANTED.iter().any(|wanted| kind.contains(wanted))
            })
            .map(|entity| entity.start..entity.end)
            .collect();
        splice(text, ranges)
    }
}

/// `Scanner::scan_text_line` for each line, and `postprocess`.
fn secretscan() -> impl Fn(&str) -> String {
    let scanner = secretscan::Scanner::new().expect("a scanner");
    move |text| {
        let mut found = Vec::new();
        for (at, line) in text.lines().enumerate() {
            found.extend(scanner.scan_text_line(line, at + 1, Path::new("app.log")));
        }
        secretscan::Scanner::postprocess(&mut found);
        let ranges = found
            .iter()
            .filter(|finding| !finding.matched_text.is_empty())
            .flat_map(|finding| text.match_indices(&finding.matched_text))
            .map(|(at, part)| at..at + part.len())
            .collect();
        splice(text, ranges)
    }
}

/// The message of an event as the recorder keeps it. It masks fields by their name, and does not
/// change messages.
fn flight_recorder() -> impl Fn(&str) -> String {
    use tracing_subscriber::layer::SubscriberExt;
    let recorder = tracing_flight_recorder::FlightRecorder::new(4);
    let layer = tracing_flight_recorder::FlightRecorderLayer::new(recorder.clone());
    let subscriber = tracing_subscriber::registry().with(layer);
    let _ = tracing::subscriber::set_global_default(subscriber);
    move |text| {
        tracing::info!("{text}");
        recorder.snapshot().pop().map_or_else(String::new, |event| event.message)
    }
}
