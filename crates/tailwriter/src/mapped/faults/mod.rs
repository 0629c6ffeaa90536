//! Fault campaigns: which lines survive killed processes, power loss and damaged files.
//!
//! Each makes few tries by default. Environment variables set the number for a long campaign:
//! `TAILWRITER_KILLS`, `TAILWRITER_DEATHS` (of each kind), `TAILWRITER_IMAGES`, `TAILWRITER_FUZZ`.
//! Each prints its findings on one line:
//!
//! ```text
//! TAILWRITER_KILLS=1000 cargo test -p tailwriter --features mmap --release --lib \
//!     mapped::faults -- --nocapture --test-threads 1
//! ```

#[cfg(unix)]
mod damage;
mod deaths;
mod power;

use std::env;
use std::fmt;
use std::ops::AddAssign;

/// The number of tries: the value of `variable`, or `default`.
fn tries(variable: &str, default: usize) -> usize {
    env::var(variable).map_or(default, |value| {
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {value}"))
    })
}

/// The line number `number` of a writer. Its text shows whether it is complete.
fn line(writer: usize, number: u64) -> String {
    let filler = (0..(number * 7 + writer as u64) % 90)
        .map(|at| char::from(b'a' + ((number + at) % 26) as u8));
    format!("{writer} {number} {}", filler.collect::<String>())
}

/// The writer and the number of a line; `None` if the line is not complete.
fn identify(found: &[u8]) -> Option<(usize, u64)> {
    let text = str::from_utf8(found).ok()?;
    let mut words = text.splitn(3, ' ');
    let (writer, number) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (text == line(writer, number)).then_some((writer, number))
}

/// What a campaign found; all but the tries must be zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Findings {
    tries: u64,
    /// Committed, or flushed, but missing.
    lost: u64,
    /// Shown but not complete.
    torn: u64,
    /// Missing between two others of a writer.
    gaps: u64,
    /// Reported as damaged.
    damaged: u64,
}

impl Findings {
    fn is_clean(self) -> bool {
        let Findings { tries, .. } = self;
        self == Findings {
            tries,
            ..Findings::default()
        }
    }
}

impl AddAssign for Findings {
    fn add_assign(&mut self, other: Findings) {
        self.tries += other.tries;
        self.lost += other.lost;
        self.torn += other.torn;
        self.gaps += other.gaps;
        self.damaged += other.damaged;
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Findings {
            tries,
            lost,
            torn,
            gaps,
            damaged,
        } = self;
        write!(
            f,
            "{tries} tries, {lost} lost, {torn} torn, {gaps} gaps, {damaged} damaged"
        )
    }
}

/// Pseudorandom numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        // Steele, Lea and Flood, "Fast splittable pseudorandom number generators": SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ z >> 31) % below.max(1)
    }
}
