//! More open spans than there is room for. In its own binary, because a process has one table.

mod common;

use common::{install, kept};
use tracing::{Span, debug, info_span};
use tracing_subscriber::prelude::*;

#[test]
fn spans_without_room_are_counted_and_closed_spans_make_room() {
    let (recorder, layer) = install();
    let dump = kept(
        &recorder,
        tracing_subscriber::registry().with(layer),
        || {
            let outer = info_span!("outer").entered();
            let spans: Vec<Span> = (0..40_000).map(|_| info_span!("open")).collect();
            let last = spans.last().unwrap().enter();
            debug!("in a span without room");
            drop(last);
            drop(spans);
            info_span!("later").in_scope(|| debug!("with room"));
            drop(outer);
        },
    );
    let [note] = &dump.notes[..] else {
        panic!("{:?}", dump.notes);
    };
    let lost: u64 = note.split(' ').next().unwrap().parse().unwrap();
    assert!((40_000 - 33_000..20_000).contains(&lost), "{note}");
    assert!(note.contains("too many were open at once"), "{note}");
    // The event belongs to the nearest span that is kept.
    assert_eq!(common::path_of(&dump, "in a span without room"), ["outer"]);
    assert_eq!(common::path_of(&dump, "with room"), ["outer", "later"]);
}
