//! Facts about the process, the machine, and the dump itself.

use std::io::{self, Write};

use flightrec_dump::{Crash, Dump, Kind, NotedError};
use jiff::Timestamp;

use super::places::pair;
use super::{View, failed_at, gauges, uptime};
use crate::paths::Paths;
use crate::render::count::{grouped, of};
use crate::render::time;

/// The name and the text of a fact.
pub(crate) type Fact = (&'static str, String);

pub(super) fn print(out: &mut dyn Write, dump: &Dump, view: &View) -> io::Result<()> {
    let mut facts = list(dump, Some(view.now), view.all);
    if view.all {
        more(dump, &mut facts);
    }
    if !facts.is_empty() {
        writeln!(out)?;
    }
    for (name, text) in facts {
        pair(out, name, &text, view)?;
    }
    Ok(())
}

/// The facts that most readers need, unescaped. With `all`, every suppressed failure is listed.
/// Without `now`, no fact says how long ago something was.
pub(crate) fn list(dump: &Dump, now: Option<Timestamp>, all: bool) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    let mut fact = |name: &'static str, text: String| facts.push((name, text));
    if let Some(when) = when(dump) {
        let name = if dump.crash.is_some() {
            "last record"
        } else {
            "when"
        };
        fact(name, when);
    }
    if let Some(crash) = &dump.crash {
        for (name, text) in crash_facts(dump, crash, now) {
            fact(name, text);
        }
    }
    if let Some(command) = command(dump) {
        fact("command", command);
    }
    let process = &dump.process;
    if process.pid != 0 {
        let thread = match process.thread.as_str() {
            "" => String::new(),
            thread => format!(", thread {thread}"),
        };
        fact("process", format!("{}{thread}", process.pid));
    }
    let host = &dump.host;
    if !host.os.is_empty() {
        let cpus = match host.cpus {
            0 => String::new(),
            cpus => format!(", {}", of(cpus as usize, "processor")),
        };
        fact("machine", format!("{} {}{cpus}", host.os, host.arch));
    }
    if let Some(memory) = gauges::memory(dump) {
        fact("memory", memory);
    }
    if let Some(others) = gauges::others(dump) {
        fact("in use", others);
    }
    if let Some(revision) = &dump.revision {
        fact("revision", revision.clone());
    }
    for (key, value) in dump.metadata.iter() {
        fact("metadata", format!("{key}: {value}"));
    }
    for also in &dump.also {
        let at = time::known(also.at).zip(failed_at(dump));
        let at = at.map(|(at, failure)| format!(" ({})", time::relative(at, failure)));
        let at = at.unwrap_or_default();
        fact("also", format!("{}: {}{at}", also.kind, also.message));
    }
    let paths = Paths::of(dump);
    let most = if all { usize::MAX } else { 6 };
    for noted in dump.noted_errors.iter().rev().take(most) {
        fact("noted before", self::noted(noted, &paths));
    }
    let omitted = dump.noted_errors.iter().rev().skip(most);
    let omitted = omitted.fold(dump.omitted_noted_errors, |sum, noted| sum + noted.count);
    if omitted > 0 {
        let omitted = usize::try_from(omitted).unwrap_or(usize::MAX);
        fact("", format!("… {}", of(omitted, "more noted error")));
    }
    if dump.suppressed_dumps > 0 {
        let more = usize::try_from(dump.suppressed_dumps).unwrap_or(usize::MAX);
        let more = of(more, "failure");
        fact(
            "not dumped",
            format!("{more} since the dump before this one"),
        );
    }
    let shown = if all { usize::MAX } else { 5 };
    for other in dump.suppressed.iter().take(shown) {
        let times = match other.count {
            0 | 1 => String::new(),
            count => format!("{}× ", grouped(count)),
        };
        fact("", format!("{times}{}: {}", other.kind, other.message));
    }
    for name in &dump.related_dumps {
        fact("see also", format!("{name} (the same failure)"));
    }
    if let Some(masked) = masked(dump) {
        fact(MASKED, masked);
    }
    for note in &dump.notes {
        fact("note", note.clone());
    }
    facts
}

/// The name of the fact about masked values.
pub(crate) const MASKED: &str = "masked";

/// `10× no route: connection refused (src/net.rs:42), 12:00:01.000 to 12:00:19.000`
fn noted(noted: &NotedError, paths: &Paths) -> String {
    let times = match noted.count {
        0 | 1 => String::new(),
        count => format!("{}× ", grouped(count)),
    };
    let mut message = noted.error.message.clone();
    let mut at = &noted.error;
    while let [cause] = at.sources.as_slice() {
        message = format!("{message}: {}", cause.message);
        at = cause;
    }
    let place = match noted.noted_at.file.as_str() {
        "" => String::new(),
        file => format!(" ({}:{})", paths.short(file), noted.noted_at.line),
    };
    let of_day = |at| time::known(at).map(time::of_day);
    let when = match (of_day(noted.first_at), of_day(noted.last_at)) {
        (Some(first), Some(last)) if first != last => format!(", {first} to {last}"),
        (_, Some(last)) => format!(", {last}"),
        _ => String::new(),
    };
    format!("{times}{message}{place}{when}")
}

/// `3 values (key 2, url 1)`; `None` if nothing was masked.
pub(crate) fn masked(dump: &Dump) -> Option<String> {
    let counts = || dump.redactions.iter().filter(|(_, count)| **count > 0);
    let sum: u64 = counts().fold(0, |sum, (_, count)| sum.saturating_add(*count));
    let rules: Vec<_> = counts()
        .map(|(rule, count)| format!("{rule} {}", grouped(*count)))
        .collect();
    let values = of(usize::try_from(sum).unwrap_or(usize::MAX), "value");
    (sum > 0).then(|| format!("{values} ({})", rules.join(", ")))
}

/// `2026-11-23 00:30:15 UTC, 1.204s after its start`
fn when(dump: &Dump) -> Option<String> {
    let up = uptime(dump).map(|up| format!(", {} after its start", time::length(up)));
    Some(time::absolute(failed_at(dump)?) + &up.unwrap_or_default())
}

/// Facts about the end of a process: which are known, which are not, and when the end was noticed.
fn crash_facts(dump: &Dump, crash: &Crash, now: Option<Timestamp>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let signal = crash.signal_name.clone();
    match signal.or_else(|| crash.signal.map(|signal| format!("signal {signal}"))) {
        Some(signal) => {
            let code = crash.code.map(|code| format!(", code {code}"));
            let at = crash.fault_address.as_ref();
            let at = at.map(|address| format!(", at address {address}"));
            let text = signal + &code.unwrap_or_default() + &at.unwrap_or_default();
            facts.push(("signal", text));
        }
        None => {
            let causes = match crash.rebooted {
                Some(true) => "SIGKILL, out of memory, or the machine went down",
                _ => "SIGKILL, out of memory, or a crash without a crash handler",
            };
            facts.push(("cause", format!("unknown ({causes})")));
        }
    }
    if let Some(noticed) = time::known(dump.created_at) {
        let ago = now.map(|now| format!(", {}", time::ago(noticed, now)));
        let ago = ago.unwrap_or_default();
        facts.push((
            "noticed",
            format!(
                "{}{ago}, by the next start or `flightrec recover`",
                time::absolute(noticed)
            ),
        ));
    }
    if let Some(why) = &crash.stack_ended {
        facts.push(("stack ends", why.clone()));
    }
    if crash.damaged_records > 0 {
        let damaged = usize::try_from(crash.damaged_records).unwrap_or(usize::MAX);
        facts.push(("missing", of(damaged, "damaged record")));
    }
    facts
}

/// The command line, quoted for a shell where needed.
fn command(dump: &Dump) -> Option<String> {
    let args = &dump.process.args;
    if args.is_empty() {
        return dump.process.executable.clone();
    }
    let word = |arg: &String| {
        if arg.is_empty() || arg.contains([' ', '\t', '\n', '\'', '"']) {
            format!("'{}'", arg.replace('\'', "'\\''"))
        } else {
            arg.clone()
        }
    };
    Some(args.iter().map(word).collect::<Vec<_>>().join(" "))
}

/// The facts that `--all` adds.
fn more(dump: &Dump, facts: &mut Vec<Fact>) {
    let mut fact = |name: &'static str, text: String| facts.push((name, text));
    if let Some(executable) = &dump.process.executable {
        fact("executable", executable.clone());
    }
    if time::known(dump.process.started_at).is_some() {
        fact("started", dump.process.started_at.to_string());
    }
    if time::known(dump.created_at).is_some() {
        fact("dumped", dump.created_at.to_string());
    }
    if let Some(crash) = &dump.crash {
        if let Some(boot) = &crash.boot_id {
            fact("boot", boot.clone());
        }
        let rebooted = match crash.rebooted {
            Some(true) => "restarted since",
            Some(false) => "not restarted since",
            None => "not known whether restarted since",
        };
        fact("", format!("the machine was {rebooted}"));
    }
    if !matches!(dump.reason.kind, Kind::Error | Kind::Panic) {
        fact("kind", dump.reason.kind.as_str().to_owned());
        fact("reason", dump.reason.message.clone());
    }
    if !dump.fingerprint.is_empty() {
        fact("fingerprint", dump.fingerprint.clone());
    }
    for module in &dump.modules {
        let id = module.build_id.as_deref().unwrap_or("no build-id");
        fact("module", format!("{} ({id})", module.name));
    }
    fact("schema", dump.schema.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact<'a>(facts: &'a [Fact], name: &str) -> Vec<&'a str> {
        let named = facts.iter().filter(|fact| fact.0 == name);
        named.map(|fact| &*fact.1).collect()
    }

    #[test]
    fn noted_errors_have_their_causes_place_and_times() {
        let json = br#"{"schema":"flightrec/1","omitted_noted_errors":3,"noted_errors":[
            {"error":{"message":"once"},"count":1,"last_at":"2026-01-02T03:04:05Z"},
            {"error":{"message":"no route","sources":[{"message":"refused"}]},"count":10,
             "first_at":"2026-01-02T03:04:05Z","last_at":"2026-01-02T03:04:15.5Z",
             "noted_at":{"file":"src/net.rs","line":42,"column":9}}]}"#;
        let dump = Dump::from_json(json).unwrap();
        let facts = list(&dump, None, false);
        assert_eq!(
            fact(&facts, "noted before"),
            [
                "10× no route: refused (src/net.rs:42), 03:04:05.000 to 03:04:15.500",
                "once, 03:04:05.000",
            ]
        );
        assert_eq!(fact(&facts, ""), ["… 3 more noted errors"]);
    }

    #[test]
    fn further_triggers_have_a_time_relative_to_the_first() {
        let json = br#"{"schema":"flightrec/1","created_at":"2026-01-02T03:04:05Z","also":[
            {"kind":"rule","message":"rule storm","at":"2026-01-02T03:04:06.5Z"},
            {"kind":"error","message":"refused"}]}"#;
        let dump = Dump::from_json(json).unwrap();
        let facts = list(&dump, None, false);
        let expected = ["rule: rule storm (+1.500s)", "error: refused"];
        assert_eq!(fact(&facts, "also"), expected);
    }
}
