//! Errors that the program handles, kept for the next dump.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flightrec_dump::{ErrorNode, Location, NotedError, Timestamp, fnv1a};
use forklock::ForkMutex;

use super::failure::Failure;

/// How many different errors of one place are kept, of the first and of the last ones each.
const PER_PLACE: usize = 3;
/// How many places are kept: those with the newest errors.
const PLACES: usize = 32;
/// How many stacks one error keeps.
const STACKS: usize = 8;
/// How many messages one error keeps, and how many bytes of each.
const MESSAGES: usize = 32;
const MESSAGE_BYTES: usize = 2_048;

/// The errors that were noted since the last dump.
#[derive(Debug, Default)]
pub struct NotedErrors(ForkMutex<Kept>);

/// Noted errors, bounded.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The place with the newest error comes last.
    places: VecDeque<Place>,
    /// How many times errors were noted that are no longer here.
    pub omitted: u64,
}

#[derive(Clone, Debug)]
struct Place {
    /// Equal for one call of `note` and one origin of the error.
    key: u64,
    /// In the order in which each was noted first.
    errors: Vec<Noted>,
}

/// An error, noted once or more often.
#[derive(Clone, Debug)]
pub struct Noted {
    failure: Failure,
    noted_at: Location,
    count: u64,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl NotedErrors {
    /// Adds an error that carries a stack of its own. Others are left out: their messages are in the
    /// log.
    pub fn add_if_captured(&self, error: &(dyn StdError + 'static), file: &str, line: u32) {
        // The program's code formats the error. It must not run under the lock.
        let read = || {
            let stacks = stackerr::stack_traces(error);
            (!stacks.is_empty()).then(|| Failure::of_stacks(error, stacks, false))
        };
        if let Ok(Some(failure)) = catch_unwind(AssertUnwindSafe(read)) {
            self.add(failure, Location::new(file, line, 0));
        }
    }

    /// Adds the error that `read` returns, noted at that place, with the stack of the caller if it has none.
    /// `read` may run the program's code: if that panics, nothing is added.
    pub fn add_with(&self, noted_at: Location, read: impl FnOnce() -> Failure) {
        // Not under the lock.
        if let Ok(failure) = catch_unwind(AssertUnwindSafe(read)) {
            self.add(failure, noted_at);
        }
    }

    fn add(&self, failure: Failure, noted_at: Location) {
        let now = Timestamp::now();
        let noted = Noted {
            failure: bounded(failure),
            noted_at,
            count: 1,
            first_at: now,
            last_at: now,
        };
        self.0.with(|kept| kept.add(noted));
    }

    /// Takes all, for a dump.
    #[must_use]
    pub fn take(&self) -> Kept {
        self.0.with(std::mem::take).unwrap_or_default()
    }

    /// Puts back what a dump that failed would have had.
    pub fn put_back(&self, taken: Kept) {
        self.0.with(|kept| {
            let newer = std::mem::replace(kept, taken);
            kept.omitted = kept.omitted.saturating_add(newer.omitted);
            for noted in newer.places.into_iter().flat_map(|place| place.errors) {
                kept.add(noted);
            }
        });
    }

    /// A copy of all.
    #[must_use]
    pub fn clone_kept(&self) -> Kept {
        self.0.with(|kept| kept.clone()).unwrap_or_default()
    }
}

impl Kept {
    /// These without the failure itself: a program may note or log an error, and then hand it over.
    #[must_use]
    pub fn without(&self, failure: &Failure) -> Kept {
        let mut kept = self.clone();
        for place in &mut kept.places {
            place.errors.retain(|noted| !noted.is_part_of(failure));
        }
        kept
    }

    fn add(&mut self, noted: Noted) {
        self.add_to(noted.place_key(), noted);
    }

    fn add_to(&mut self, key: u64, noted: Noted) {
        let known = self.places.iter().position(|place| place.key == key);
        let mut place = match known.and_then(|at| self.places.remove(at)) {
            Some(place) => place,
            None => {
                if self.places.len() == PLACES
                    && let Some(oldest) = self.places.pop_front()
                {
                    oldest.errors.iter().for_each(|noted| self.omit(noted));
                }
                Place {
                    key,
                    errors: Vec::new(),
                }
            }
        };
        let same = place
            .errors
            .iter_mut()
            .rev()
            .find(|known| known.is_same(&noted));
        if let Some(same) = same {
            same.count = same.count.saturating_add(noted.count);
            same.last_at = noted.last_at;
        } else {
            if place.errors.len() == 2 * PER_PLACE {
                self.omit(&place.errors.remove(PER_PLACE));
            }
            place.errors.push(noted);
        }
        self.places.push_back(place);
    }

    fn omit(&mut self, noted: &Noted) {
        self.omitted = self.omitted.saturating_add(noted.count);
    }

    /// The errors, in the order in which they were last noted.
    #[must_use]
    pub fn errors(&self) -> Vec<&Noted> {
        let mut errors: Vec<_> = self.places.iter().flat_map(|place| &place.errors).collect();
        errors.sort_by_key(|noted| noted.last_at);
        errors
    }
}

impl Noted {
    /// The error, before it becomes a part of a dump.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The error as it is in a dump, without names.
    #[must_use]
    pub fn described(&self) -> NotedError {
        let mut noted = NotedError::default();
        noted.error = self.failure.error.clone().unwrap_or_default();
        noted.count = self.count;
        noted.first_at = self.first_at;
        noted.last_at = self.last_at;
        noted.noted_at.clone_from(&self.noted_at);
        noted.thread.clone_from(&self.failure.thread);
        noted.stack_traces = self.failure.traces_without_names();
        noted
    }

    fn place_key(&self) -> u64 {
        let stacks = self.failure.stack_key();
        let Location { file, line, .. } = &self.noted_at;
        fnv1a(format!("{file}:{line} {stacks}").as_bytes())
    }

    /// Whether the failure is this error, perhaps with more context: it has the same captures.
    fn is_part_of(&self, failure: &Failure) -> bool {
        let has = |stamp| failure.stacks.iter().any(|stack| stack.stamp() == stamp);
        let mut stamps = self.failure.stacks.iter().map(|stack| stack.stamp());
        self.count == 1
            && self.failure.origin.is_none()
            && stamps.all(|its| its.is_some() && has(its))
    }

    fn is_same(&self, other: &Noted) -> bool {
        self.failure.error == other.failure.error
    }
}

/// The failure without what would make a dump too large.
fn bounded(mut failure: Failure) -> Failure {
    failure.stacks = failure.stacks.into_iter().take(STACKS).collect();
    if let Some(error) = &mut failure.error {
        bound(error, &mut { MESSAGES });
    }
    failure
}

fn bound(error: &mut ErrorNode, left: &mut usize) {
    *left = left.saturating_sub(1);
    let message = &mut error.message;
    if message.len() > MESSAGE_BYTES {
        let fits = |at: &usize| message.is_char_boundary(*at);
        message.truncate((0..=MESSAGE_BYTES).rev().find(fits).unwrap_or(0));
        message.push('…');
    }
    error.sources.truncate(*left);
    for source in &mut error.sources {
        bound(source, left);
    }
}

#[cfg(test)]
mod tests {
    use std::panic;

    use stackerr::StackTraces;

    use super::*;

    fn note(kept: &mut Kept, message: &str, place: &Location) {
        let mut failure = Failure::manual("noted".to_owned());
        failure.stacks = StackTraces::default();
        failure.error = Some(ErrorNode::new(message, None));
        let now = Timestamp::now();
        kept.add(Noted {
            failure,
            noted_at: place.clone(),
            count: 1,
            first_at: now,
            last_at: now,
        });
    }

    #[track_caller]
    fn here() -> Location {
        panic::Location::caller().into()
    }

    fn shown(kept: &Kept) -> Vec<(String, u64)> {
        let errors = kept.places.iter().flat_map(|place| &place.errors);
        errors
            .map(|noted| {
                let message = noted.failure.error.as_ref().unwrap().message.clone();
                (message, noted.count)
            })
            .collect()
    }

    #[test]
    fn of_each_place_the_first_and_the_last_errors_are_kept_and_the_others_counted() {
        let mut kept = Kept::default();
        let here = &here();
        for attempt in 0..10 {
            note(&mut kept, &format!("attempt {attempt}"), here);
            note(&mut kept, "refused", here);
        }
        let expected = [
            "attempt 0",
            "refused",
            "attempt 1",
            "attempt 7",
            "attempt 8",
            "attempt 9",
        ];
        let counts = shown(&kept);
        let messages: Vec<_> = counts.iter().map(|(message, _)| &**message).collect();
        assert_eq!(messages, expected);
        assert_eq!(counts[1].1, 10);
        assert_eq!(kept.omitted, 5);
    }

    #[test]
    fn the_places_with_the_newest_errors_are_kept() {
        // A place for each line would need as many lines: the origin tells them apart, too.
        let mut kept = Kept::default();
        for number in 0..=PLACES as u64 {
            let mut failure = Failure::manual("noted".to_owned());
            failure.stacks = StackTraces::default();
            failure.error = Some(ErrorNode::new(format!("error {number}"), None));
            let now = Timestamp::now();
            let noted = Noted {
                failure,
                noted_at: here(),
                count: 1,
                first_at: now,
                last_at: now,
            };
            kept.add_to(number, noted);
        }
        assert_eq!(kept.places.len(), PLACES);
        assert_eq!(shown(&kept)[0].0, "error 1");
        assert_eq!(kept.omitted, 1);
    }

    #[test]
    fn what_a_failed_dump_would_have_had_comes_before_what_was_noted_since() {
        let noted = NotedErrors::default();
        let here = &here();
        let add = |message: &str| noted.0.with(|kept| note(kept, message, here));
        add("one");
        add("two");
        let taken = noted.take();
        add("two");
        add("three");
        noted.put_back(taken);
        let counts = shown(&noted.take());
        let expected = [("one", 1), ("two", 2), ("three", 1)];
        assert_eq!(
            counts,
            expected.map(|(message, count)| (message.to_owned(), count))
        );
    }

    #[test]
    fn an_error_of_any_size_is_bounded() {
        let leaves = (0..1_000).map(|_| ErrorNode::new("ä".repeat(10_000), None));
        let mut error = ErrorNode::new("join", None).with_sources(leaves.collect());
        bound(&mut error, &mut { MESSAGES });
        assert!(error.sources.len() < MESSAGES);
        assert!(error.sources[0].message.len() <= MESSAGE_BYTES + "…".len());
    }
}
