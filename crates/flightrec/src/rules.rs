//! The thread that looks at the rules about memory and silence.

use std::sync::Arc;
use std::thread;

use dumprules::Outcome;

use crate::failure::Failure;
use crate::recorder::Recorder;

/// Starts the thread, if a rule needs it.
pub(crate) fn start(recorder: &Arc<Recorder>) {
    if recorder.rules.poller().is_none() {
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
    let Some(mut poller) = recorder.rules.poller() else {
        return;
    };
    loop {
        thread::sleep(poller.interval());
        poller.poll(|outcome| match outcome {
            Outcome::Fires(message) => {
                // A failure to make the dump has been reported on stderr.
                let _ = recorder.dump(|| Failure::polled_rule(message));
            }
            Outcome::Suppressed => recorder.pipeline.count(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dumprules::Rule;
    use log::{Level, LevelFilter, Log, Record};

    #[test]
    fn a_rule_about_silence_hears_of_every_record_that_is_kept() {
        let hears_of = |level| {
            let builder = crate::builder("test").console(LevelFilter::Off);
            let rule = Rule::no_record_for(Duration::from_secs(1));
            let (recorder, tee) = builder.dump_when(rule).build();
            tee.log(&Record::builder().level(level).build());
            recorder.recorder.rules.has_new_record()
        };
        assert!(hears_of(Level::Debug));
        assert!(!hears_of(Level::Trace), "it is not kept");
    }
}
