//! Errors that the program handles. They are kept for the next dump.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flightrec_dump::{ErrorNode, Location, NotedError, Timestamp, fnv1a};
use forklock::ForkMutex;

use super::failure::Failure;

/// How many of the first different errors of one place are kept, and how many of the last.
const PER_PLACE: usize = 3;
/// How many places are kept: those with the newest errors.
const PLACES: usize = 32;
/// How many stacks of one error are kept.
const STACKS: usize = 8;
/// How many messages of one error are kept, and how many bytes of each.
const MESSAGES: usize = 32;
const MESSAGE_BYTES: usize = 2_048;

/// The errors that were noted since the last dump.
#[derive(Debug, Default)]
pub struct NotedErrors(ForkMutex<NotedList>);

/// A bounded list of noted errors.
#[derive(Clone, Debug, Default)]
pub(crate) struct NotedList {
    /// The place with the newest error is the last.
    places: VecDeque<Place>,
    /// How many times errors were noted that are no longer in the list.
    pub(crate) omitted: u64,
}

#[derive(Clone, Debug)]
struct Place {
    /// A hash of the location of the `note` call and of the stacks of the error.
    key: u64,
    /// In the order in which they were first noted.
    errors: Vec<Noted>,
}

/// An error that was noted once or several times.
#[derive(Clone, Debug)]
pub(crate) struct Noted {
    failure: Failure,
    noted_at: Location,
    count: u64,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl NotedErrors {
    /// Adds an error if it carries a stack. Other errors are ignored, because their messages are in the
    /// log.
    pub fn add_if_captured(&self, error: &(dyn StdError + 'static), file: &str, line: u32) {
        // This runs the program's code, which must not run under the lock.
        let read = || {
            let stacks = stackerr::stack_traces(error);
            (!stacks.is_empty()).then(|| Failure::error_with_stacks(error, stacks, false))
        };
        if let Ok(Some(failure)) = catch_unwind(AssertUnwindSafe(read)) {
            self.add(failure, Location::new(file, line, 0));
        }
    }

    /// Adds the failure that `read` returns. `noted_at` is where the program noted it. `read` may run
    /// code of the program. If it panics, nothing is added.
    pub fn add_with(&self, noted_at: Location, read: impl FnOnce() -> Failure) {
        // `read` must not run under the lock.
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
        self.0.with(|list| list.add(noted));
    }

    /// Takes all errors, for a dump.
    #[must_use]
    pub(crate) fn take(&self) -> NotedList {
        self.0.with(std::mem::take).unwrap_or_default()
    }

    /// Puts back the errors that were taken for a dump that failed.
    pub(crate) fn restore(&self, taken: NotedList) {
        self.0.with(|list| {
            let newer = std::mem::replace(list, taken);
            list.omitted = list.omitted.saturating_add(newer.omitted);
            for noted in newer.places.into_iter().flat_map(|place| place.errors) {
                list.add(noted);
            }
        });
    }

    /// Returns a copy of the list.
    #[must_use]
    pub(crate) fn snapshot(&self) -> NotedList {
        self.0.with(|list| list.clone()).unwrap_or_default()
    }
}

impl NotedList {
    /// Returns the list without this failure: a program may note or log an error before it is dumped.
    #[must_use]
    pub(crate) fn without(&self, failure: &Failure) -> NotedList {
        let mut list = self.clone();
        for place in &mut list.places {
            place.errors.retain(|noted| !noted.is_part_of(failure));
        }
        list
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

    /// Returns the errors in the order in which they were last noted.
    #[must_use]
    pub(crate) fn errors(&self) -> Vec<&Noted> {
        let mut errors: Vec<_> = self.places.iter().flat_map(|place| &place.errors).collect();
        errors.sort_by_key(|noted| noted.last_at);
        errors
    }
}

impl Noted {
    /// Returns the error as a failure.
    #[must_use]
    pub(crate) fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Returns the error as it is in a dump, without names.
    #[must_use]
    pub(crate) fn described(&self) -> NotedError {
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

    /// Whether the failure is this error, perhaps with more context: it has the same captured stacks.
    fn is_part_of(&self, failure: &Failure) -> bool {
        let has = |stamp| failure.stacks.iter().any(|stack| stack.stamp() == stamp);
        let mut stamps = self.failure.stacks.iter().map(|stack| stack.stamp());
        self.count == 1
            && self.failure.origin.is_none()
            && stamps.all(|stamp| stamp.is_some() && has(stamp))
    }

    fn is_same(&self, other: &Noted) -> bool {
        self.failure.error == other.failure.error
    }
}

/// Limits the stacks and messages of a failure, so that the dump does not become too large.
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

    fn note(list: &mut NotedList, message: &str, place: &Location) {
        let mut failure = Failure::manual("noted".to_owned());
        failure.stacks = StackTraces::default();
        failure.error = Some(ErrorNode::new(message, None));
        let now = Timestamp::now();
        list.add(Noted {
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

    fn shown(list: &NotedList) -> Vec<(String, u64)> {
        let errors = list.places.iter().flat_map(|place| &place.errors);
        errors
            .map(|noted| {
                let message = noted.failure.error.as_ref().unwrap().message.clone();
                (message, noted.count)
            })
            .collect()
    }

    #[test]
    fn the_first_and_last_errors_of_a_place_are_kept_and_the_others_counted() {
        let mut list = NotedList::default();
        let here = &here();
        for attempt in 0..10 {
            note(&mut list, &format!("attempt {attempt}"), here);
            note(&mut list, "refused", here);
        }
        let expected = [
            "attempt 0",
            "refused",
            "attempt 1",
            "attempt 7",
            "attempt 8",
            "attempt 9",
        ];
        let counts = shown(&list);
        let messages: Vec<_> = counts.iter().map(|(message, _)| &**message).collect();
        assert_eq!(messages, expected);
        assert_eq!(counts[1].1, 10);
        assert_eq!(list.omitted, 5);
    }

    #[test]
    fn the_places_with_the_newest_errors_are_kept() {
        // The test passes the keys of the places, because all errors are noted in one line.
        let mut list = NotedList::default();
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
            list.add_to(number, noted);
        }
        assert_eq!(list.places.len(), PLACES);
        assert_eq!(shown(&list)[0].0, "error 1");
        assert_eq!(list.omitted, 1);
    }

    #[test]
    fn restored_errors_come_before_errors_that_were_noted_since() {
        let noted = NotedErrors::default();
        let here = &here();
        let add = |message: &str| noted.0.with(|list| note(list, message, here));
        add("one");
        add("two");
        let taken = noted.take();
        add("two");
        add("three");
        noted.restore(taken);
        let counts = shown(&noted.take());
        let expected = [("one", 1), ("two", 2), ("three", 1)];
        assert_eq!(
            counts,
            expected.map(|(message, count)| (message.to_owned(), count))
        );
    }

    #[test]
    fn the_messages_of_an_error_are_bounded() {
        let leaves = (0..1_000).map(|_| ErrorNode::new("ä".repeat(10_000), None));
        let mut error = ErrorNode::new("join", None).with_sources(leaves.collect());
        bound(&mut error, &mut { MESSAGES });
        assert!(error.sources.len() < MESSAGES);
        assert!(error.sources[0].message.len() <= MESSAGE_BYTES + "…".len());
    }
}
