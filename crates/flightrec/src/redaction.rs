//! Masking secrets in a dump, before it goes anywhere.

use flightrec_dump::{Dump, Entries, ErrorNode, LogRecord, Span, Trace, Value};
use logredact::Redactor;

/// Masks all text of a dump, and counts what was masked in `redactions`.
pub(crate) fn redact(dump: &mut Dump, redactor: &Redactor) {
    let before = counts(redactor);
    let mask = Mask(redactor);
    mask.text(&mut dump.reason.message);
    if let Some(error) = &mut dump.error {
        mask.error(error);
    }
    mask.traces(&mut dump.stack_traces);
    for thread in &mut dump.threads {
        thread.name.iter_mut().for_each(|name| mask.text(name));
    }
    mask.records(&mut dump.latest_logs);
    mask.spans(&mut dump.spans);
    for suppressed in &mut dump.suppressed {
        mask.text(&mut suppressed.message);
    }
    dump.process
        .executable
        .iter_mut()
        .for_each(|path| mask.text(path));
    mask.text(&mut dump.process.thread);
    mask.args(&mut dump.process.args);
    dump.metadata = std::mem::take(&mut dump.metadata)
        .into_iter()
        .map(|(key, value)| (mask.masked(&key), redactor.value(&key, &value).into_owned()))
        .collect();
    dump.notes.iter_mut().for_each(|note| mask.text(note));
    add_counts(dump, redactor, &before);
}

/// Masks stacks only, which have got names since the dump was masked.
pub(crate) fn redact_traces(traces: &mut [Trace], redactor: &Redactor) {
    Mask(redactor).traces(traces);
}

/// Two rules may have the same name.
fn counts(redactor: &Redactor) -> Entries<u64> {
    let mut counts = Entries::new();
    for (rule, count) in redactor.counts() {
        add(&mut counts, &rule, count);
    }
    counts
}

fn add(counts: &mut Entries<u64>, rule: &str, count: u64) {
    let sum = counts.get(rule).copied().unwrap_or(0).saturating_add(count);
    counts.insert(rule, sum);
}

fn add_counts(dump: &mut Dump, redactor: &Redactor, before: &Entries<u64>) {
    for (rule, count) in counts(redactor) {
        let since = count.saturating_sub(before.get(&rule).copied().unwrap_or(0));
        if since > 0 {
            add(&mut dump.redactions, &rule, since);
        }
    }
}

struct Mask<'a>(&'a Redactor);

impl Mask<'_> {
    fn masked(&self, text: &str) -> String {
        self.0.text(text).into_owned()
    }

    fn text(&self, text: &mut String) {
        if let std::borrow::Cow::Owned(masked) = self.0.text(text) {
            *text = masked;
        }
    }

    fn error(&self, error: &mut ErrorNode) {
        self.text(&mut error.message);
        error
            .sources
            .iter_mut()
            .for_each(|source| self.error(source));
    }

    fn traces(&self, traces: &mut [Trace]) {
        traces
            .iter_mut()
            .for_each(|trace| self.text(&mut trace.error));
    }

    fn records(&self, records: &mut [LogRecord]) {
        // A private key may be logged line by line.
        let mut stream = self.0.stream();
        for record in records {
            self.text(&mut record.target);
            record.msg = stream.text(&record.msg).into_owned();
            self.text(&mut record.thread);
            self.fields(&mut record.fields);
        }
    }

    fn spans(&self, spans: &mut [Span]) {
        for span in spans {
            self.text(&mut span.name);
            self.text(&mut span.target);
            self.fields(&mut span.fields);
        }
    }

    fn args(&self, args: &mut Vec<String>) {
        *args = self.0.args(args);
    }

    fn fields(&self, fields: &mut Entries<Value>) {
        *fields = std::mem::take(fields)
            .into_iter()
            .map(|(key, value)| (self.masked(&key), self.value(&key, value)))
            .collect();
    }

    /// A value of any type that belongs to a key. A number can be a secret, too.
    fn value(&self, key: &str, value: Value) -> Value {
        match value {
            Value::Text(text) => self.0.value(key, &text).as_ref().into(),
            Value::Int(number) => self.number(key, number, value),
            Value::Uint(number) => self.number(key, number, value),
            Value::Float(number) => self.number(key, number, value),
            Value::List(items) => {
                let items = items.into_iter().map(|item| self.value(key, item));
                Value::List(items.collect())
            }
            Value::Map(entries) => {
                let is_secret = self.0.is_secret(key);
                let entries = entries.into_iter().map(|(own, value)| {
                    let by = if is_secret { key } else { &own };
                    (self.masked(&own), self.value(by, value))
                });
                Value::Map(entries.collect())
            }
            value => value,
        }
    }

    fn number(&self, key: &str, number: impl ToString, value: Value) -> Value {
        match self.0.value(key, &number.to_string()) {
            std::borrow::Cow::Borrowed(_) => value,
            std::borrow::Cow::Owned(masked) => masked.into(),
        }
    }
}
