//! Finds problems that prevent events from reaching the recorder, when the layer becomes part of a
//! subscriber. Each is reported once.

use std::sync::mpsc;
use std::thread;

use tracing_core::callsite::{Callsite, Identifier};
use tracing_core::field::FieldSet;
use tracing_core::subscriber::{Interest, NoSubscriber};
use tracing_core::{Dispatch, Kind, Level, LevelFilter, Metadata, dispatcher};

use crate::shared::Shared;

/// Checks for events that no subscriber gets, because a feature of `tracing` removes them.
pub(crate) fn check_features(shared: &Shared, wanted: LevelFilter) {
    let allowed = tracing::level_filters::STATIC_MAX_LEVEL;
    if allowed < wanted {
        shared.say(format!(
            "events above {allowed} are missing: a feature of the crate `tracing` (`max_level_…` or \
             `release_max_level_…`, set by one of the dependencies) removes them"
        ));
    }
}

/// Checks the whole subscriber, in another thread: asking whether an event is enabled changes the state of
/// filters for the next event of the same thread.
pub(crate) fn check_subscriber(shared: &'static Shared, wanted: LevelFilter, dispatch: &Dispatch) {
    let dispatch = dispatch.clone();
    let (sender, receiver) = mpsc::channel();
    let look = move || {
        let has_global = dispatcher::get_default(|global| !global.is::<NoSubscriber>());
        // `has_global` is known now, so the program may go on and set this subscriber.
        let _ = sender.send(());
        if has_global {
            shared.say(
                "another subscriber is the global default already: threads are recorded only where \
                 the subscriber with the recorder's layer is set for them"
                    .to_owned(),
            );
        }
        if let Some(probe) = probe(wanted)
            && shared
                .sink
                .wants(tracing_log::AsLog::as_log(probe.level()), probe.target())
            && !dispatch.enabled(probe)
        {
            shared.say(format!(
                "events at {} may be missing: a filter of the whole subscriber, such as \
                 `.with(EnvFilter::…)`, removes them; give that filter to the other layer, by \
                 `.with_filter(…)`",
                probe.level()
            ));
        }
    };
    let looking = thread::Builder::new()
        .name("flightrec".to_owned())
        .spawn(look);
    if looking.is_ok() {
        let _ = receiver.recv();
    }
}

struct Probe(&'static Metadata<'static>);

impl Callsite for Probe {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0
    }
}

macro_rules! probes {
    ($($name:ident)*) => {
        /// Metadata of an event of the most verbose level that is wanted.
        fn probe(wanted: LevelFilter) -> Option<&'static Metadata<'static>> {
            $({
                static PROBE: Probe = Probe(&METADATA);
                static METADATA: Metadata<'static> = Metadata::new(
                    "probe",
                    "flightrec::probe",
                    Level::$name,
                    None,
                    None,
                    None,
                    FieldSet::new(&[], Identifier(&PROBE)),
                    Kind::EVENT,
                );
                if wanted == LevelFilter::$name {
                    return Some(&METADATA);
                }
            })*
            None
        }
    };
}

probes!(ERROR WARN INFO DEBUG TRACE);
