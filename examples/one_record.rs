//! Logs the same record many times, to count instructions.
//!
//! ```text
//! one_record format|no-arguments|four-arguments|key-values TIMES [--crash-safe DIR | --rule RULE]
//! ```
//!
//! The cost of a record is the difference of two runs, divided by the difference of their TIMES:
//!
//! ```text
//! cargo build --release -p examples --no-default-features --features census --example one_record
//! valgrind --tool=callgrind target/release/examples/one_record no-arguments 20000
//! valgrind --tool=callgrind target/release/examples/one_record no-arguments 60000
//! ```

use std::fmt::Write;
use std::hint::black_box;

use log::LevelFilter;

/// Calls a macro with a message that has four arguments.
macro_rules! message {
    ($($macro:ident)::+, $number:expr $(, $fields:tt)*) => {
        $($macro)::+!(
            $($fields)*
            "read {} of {} bytes from {} in {} us",
            $number & 4095,
            black_box(65_536_u64),
            black_box("registry/src/file-0001.rs"),
            black_box(137_u32)
        )
    };
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (Some(what), Some(Ok(times))) = (args.get(1), args.get(2).map(|n| n.parse::<u64>())) else {
        eprintln!(
            "usage: one_record format|no-arguments|four-arguments|key-values TIMES \
             [--crash-safe DIR | --rule RULE]"
        );
        return;
    };
    let mut builder = flightrec::builder("one-record").console(LevelFilter::Info);
    match (args.get(3).map(String::as_str), args.get(4)) {
        (Some("--crash-safe"), Some(dir)) => builder = builder.dir(dir).crash_safe(true),
        (Some("--rule"), Some(rule)) => {
            builder = builder.dump_when(rule.parse().expect("this is a rule"));
        }
        _ => {}
    }
    let _recorder = builder.install().expect("this program has no logger yet");
    match what.as_str() {
        "format" => {
            let mut text = String::with_capacity(1024);
            for number in 0..times {
                text.clear();
                let _ = text.write_fmt(message!(format_args, number));
                black_box(&text);
            }
        }
        "no-arguments" => {
            for _ in 0..times {
                log::debug!("the index was read and nothing in it had changed since the last time");
            }
        }
        "four-arguments" => {
            for number in 0..times {
                message!(log::debug, number);
            }
        }
        _ => {
            for number in 0..times {
                log::debug!(
                    request = number, attempt = 3_u64, bytes = 65_536_u64;
                    "the index was read and nothing in it had changed since the last time"
                );
            }
        }
    }
}
