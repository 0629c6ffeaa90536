//! Panic hooks of several recorders in one process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::{io, thread};

const RECORDERS: usize = 32;

#[test]
fn recorders_that_are_installed_at_the_same_time_all_see_a_panic() {
    let dumps = Arc::new(AtomicUsize::new(0));
    let start = Arc::new(Barrier::new(RECORDERS));
    let installers: Vec<_> = (0..RECORDERS)
        .map(|_| {
            let (dumps, start) = (Arc::clone(&dumps), Arc::clone(&start));
            thread::spawn(move || {
                let builder = flightrec::builder("test")
                    .notice(false)
                    .symbolicate(false)
                    .dump_to(io::sink())
                    .on_dump(move |_, _| {
                        dumps.fetch_add(1, Ordering::Relaxed);
                    });
                start.wait();
                builder.install_sink()
            })
        })
        .collect();
    let recorders: Vec<_> = installers
        .into_iter()
        .map(|it| it.join().unwrap())
        .collect();
    thread::spawn(|| panic!("seen by all")).join().unwrap_err();
    assert_eq!(dumps.load(Ordering::Relaxed), RECORDERS);
    drop(recorders);
}
