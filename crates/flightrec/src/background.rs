//! Background threads for rules, gauges and look-ahead. Each is started only if the program uses that
//! feature.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use dumpmaker::failures::Failure;
use dumpmaker::rules::{Outcome, Poller};

use crate::recorder::Recorder;
#[cfg(feature = "crash-safe")]
use crate::tail::Tail;

/// Starts the threads that check rules and read gauges, if they are needed.
pub(crate) fn start(recorder: &Arc<Recorder>) {
    let report = |consequence: &str, started: io::Result<JoinHandle<()>>| {
        if let Err(error) = started {
            recorder
                .pipeline
                .notices
                .say(&format!("{consequence}: cannot start a thread: {error}"));
        }
    };
    if recorder.rules.needs_poller() {
        let started = spawn("flightrec-rules", recorder, poll_rules);
        report("rules about memory and silence are not checked", started);
    }
    if recorder.samples_gauges {
        let started = spawn("flightrec-gauges", recorder, read_gauges);
        report("gauges are read only when a dump is made", started);
    }
}

fn spawn(name: &str, recorder: &Arc<Recorder>, run: fn(&Recorder)) -> io::Result<JoinHandle<()>> {
    let recorder = Arc::clone(recorder);
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(move || run(&recorder))
}

fn poll_rules(recorder: &Recorder) {
    let mut poller = Poller::new(&recorder.rules);
    loop {
        thread::sleep(poller.interval());
        poller.poll(|outcome| match outcome {
            Outcome::Fires(message) => {
                // A failure to make the dump has been reported on stderr.
                let _ = recorder.dump(|| Failure::polled_rule(message));
            }
            Outcome::Suppressed => recorder.pipeline.count_suppressed(),
        });
    }
}

fn read_gauges(recorder: &Recorder) {
    recorder.source.gauges.sample(|_number, _gauge| {
        #[cfg(feature = "crash-safe")]
        if let Tail::Mapped(ring) = &recorder.source.tail {
            ring.write_gauge(_number, _gauge);
        }
    })
}

/// With look-ahead, lets each dump wait, so that it includes the records that follow its trigger.
pub(crate) fn let_dumps_wait(recorder: &Arc<Recorder>) {
    let weak = Arc::downgrade(recorder);
    let waits = recorder.pipeline.enable_look_ahead(move || {
        let started = spawn("flightrec-ahead", &weak.upgrade()?, |recorder| {
            recorder.pipeline.complete_after_wait(&recorder.source);
        });
        Some(started.ok()?.thread().clone())
    });
    if waits {
        dumpmaker::close_at_exit(recorder);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dumpmaker::rules::Rule;
    use log::{Level, LevelFilter, Log, Record};

    #[test]
    fn a_rule_about_silence_sees_each_record_that_is_kept() {
        let sees = |level| {
            let builder = crate::builder("test").console(LevelFilter::Off);
            let rule = Rule::no_record_for(Duration::from_secs(1));
            let (recorder, tee) = builder.dump_when(rule).build();
            tee.log(&Record::builder().level(level).build());
            recorder.recorder.rules.has_new_record()
        };
        assert!(sees(Level::Debug));
        assert!(!sees(Level::Trace), "TRACE is not kept");
    }
}
