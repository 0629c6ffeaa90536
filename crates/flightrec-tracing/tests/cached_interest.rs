//! Callsites that are first reached by a thread without a subscriber. There is only one test, because
//! the number of subscribers in the process matters.

mod common;

use common::{install, messages};
use tracing::{Dispatch, debug, info_span};
use tracing_subscriber::prelude::*;

fn reached_elsewhere() {
    let _span = info_span!("span").entered();
    debug!("from another thread first");
}

fn reached_before() {
    debug!("before the subscriber was the default");
}

#[test]
fn a_callsite_that_was_reached_without_a_subscriber_is_enabled_with_one() {
    let (recorder, layer) = install();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    reached_before();
    tracing::dispatcher::with_default(&dispatch, || {
        std::thread::spawn(reached_elsewhere).join().unwrap();
        reached_elsewhere();
        reached_before();
    });
    let dump = recorder.snapshot();
    assert_eq!(
        messages(&dump),
        [
            "from another thread first",
            "before the subscriber was the default"
        ]
    );
    assert_eq!(
        common::path_of(&dump, "from another thread first"),
        ["span"]
    );
}
