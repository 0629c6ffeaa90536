//! Parses the directives of a filter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use log::{Level, Metadata, Record};
use logtee::{Directives, Filter};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let filter = match Directives::parse(text) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(error.to_string().contains("expected a list"));
            return;
        }
    };
    // Targets that the directives may name.
    let mut targets: Vec<&str> = text.split([',', '=', '/', ':']).take(8).collect();
    targets.extend(["", "app", "app::net"]);
    for target in targets {
        let enabled = |level: Level| {
            let metadata = Metadata::builder().target(target).level(level).build();
            filter.enabled(&metadata)
        };
        for level in Level::iter() {
            assert!(
                !enabled(level) || filter.max_level() >= level,
                "{text:?} lets {level} of {target:?} through, but its max_level is {}",
                filter.max_level()
            );
            let args = format_args!("app");
            let record = Record::builder()
                .target(target)
                .level(level)
                .args(args)
                .build();
            assert!(!filter.matches(&record) || enabled(level));
            // A more severe record of the same target passes, too.
            let mut more_severe = Level::iter().filter(|other| *other < level);
            assert!(!enabled(level) || more_severe.all(enabled));
        }
    }
});
