//! Rules: conditions on records, spans, silence and memory that trigger a dump.
//!
//! ```
//! use std::time::Duration;
//!
//! use dumpmaker::rules::{Outcome, Rule, Rules};
//! use log::{Level, Record};
//!
//! let rules = Rules::new(vec![Rule::rate(Level::Warn, 2, Duration::from_secs(10))]);
//!
//! let mut fired = Vec::new();
//! for _ in 0..2 {
//!     let record = Record::builder().level(Level::Warn).args(format_args!("slow")).build();
//!     rules.check(&record, |outcome| fired.push(outcome));
//! }
//! let [Outcome::Fires(message)] = &fired[..] else {
//!     panic!("{fired:?}")
//! };
//! assert!(message.starts_with("rule rate(warn, 2, 10s): 2 records within 0."));
//! ```
//!
//! - A rule fires at most three times an hour, unless it has another limit. After that, its outcome is
//!   [`Suppressed`](Outcome::Suppressed).
//! - Rules about memory and silence are checked by [`Poller::poll`], which must be called regularly.
//!   Such a rule fires when its condition becomes true, and again only after it was false.
//! - [`parse_list`] reads rules from text, such as `rate(warn, 20, 10s); memory > 80%`. Errors name the
//!   column.
//! - [`Rules::check`] can be called by a logger: it takes no lock unless a rule counts the record, and the
//!   filter of a rule may log or panic. After a fork, the child continues with the counts of its parent.

mod limit;
mod memory_limit;
mod polled;
mod polling;
mod records;
mod rule;
mod rule_set;
mod spans;
mod text;

pub use limit::Outcome;
pub use memory_limit::MemoryLimit;
pub use polling::Poller;
pub use rule::Rule;
pub use rule_set::Rules;
pub use text::{RuleError, parse_list};
