//! The thread that looks at what no record tells: memory, and silence.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::{Fired, Limit, Outcome, PolledCondition, PolledRule, text};
use crate::failure::Failure;
use crate::recorder::Recorder;

/// How often the thread looks, unless a rule about silence is shorter.
const INTERVAL: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(10);

/// Starts the thread, if a rule needs it.
pub(crate) fn start(recorder: &Arc<Recorder>) {
    if recorder.rules.polled.is_empty() {
        return;
    }
    let its_recorder = Arc::clone(recorder);
    let thread = thread::Builder::new().name("flightrec-rules".to_owned());
    if let Err(error) = thread.spawn(move || poll(&its_recorder)) {
        let message = format!("rules about memory and silence are not checked: {error}");
        recorder.pipeline.notices.say(&message);
    }
}

fn poll(recorder: &Recorder) {
    let rules = &recorder.rules;
    let mut states: Vec<State> = rules.polled.iter().map(|_| State::default()).collect();
    let silences = rules.polled.iter().filter_map(|rule| match rule.condition {
        PolledCondition::Silence(duration) => Some((duration / 4).clamp(SHORTEST, INTERVAL)),
        PolledCondition::Memory(_) => None,
    });
    let interval = silences.min().unwrap_or(INTERVAL);
    let mut last_record = Instant::now();
    loop {
        thread::sleep(interval);
        let now = Instant::now();
        if rules.has_logged.swap(false, Ordering::Relaxed) {
            last_record = now;
        }
        for (rule, state) in rules.polled.iter().zip(&mut states) {
            match state.look(rule, now, now.duration_since(last_record)) {
                Some(Outcome::Fires(message)) => {
                    // A failure to make the dump has been reported on stderr.
                    let _ = recorder.dump(|| Failure::polled_rule(message));
                }
                Some(Outcome::Suppressed) => recorder.pipeline.count(),
                None => {}
            }
        }
    }
}

#[derive(Default)]
struct State {
    /// The rule has come true, and has not been false since.
    is_true: bool,
    fired: Fired,
}

impl State {
    fn look(&mut self, rule: &PolledRule, now: Instant, silent: Duration) -> Option<Outcome> {
        let detail = match rule.condition {
            PolledCondition::Memory(limit) => limit.look().and_then(|(used, limit)| {
                (used > limit).then(|| format!("{} are used", text::size(used)))
            }),
            PolledCondition::Silence(limit) => {
                (silent >= limit).then(|| format!("no record for {:.1} s", silent.as_secs_f64()))
            }
        };
        self.change(detail.is_some(), rule.limit, now)
            .map(|fires| match (fires, detail) {
                (true, Some(detail)) => Outcome::Fires(format!("rule {}: {detail}", rule.name)),
                _ => Outcome::Suppressed,
            })
    }

    /// Whether the rule fires, if it has just come true.
    fn change(&mut self, is_true: bool, limit: Limit, now: Instant) -> Option<bool> {
        let has_come_true = is_true && !self.is_true;
        self.is_true = is_true;
        has_come_true.then(|| self.fired.may_fire(limit, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_fires_once_until_it_was_false() {
        let limit = Limit {
            times: 2,
            per: Duration::from_secs(60),
        };
        let mut state = State::default();
        let now = Instant::now();
        let fires =
            [true, true, false, true, false, true].map(|is_true| state.change(is_true, limit, now));
        let expected = [Some(true), None, None, Some(true), None, Some(false)];
        assert_eq!(fires, expected);
    }
}
