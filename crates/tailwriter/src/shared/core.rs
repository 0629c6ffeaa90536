//! The core of a shared tail, in memory of its own or in a mapped file.

use std::fmt;

use super::assemble::{self, Bounds};
use super::journal::{Contents, Journal};
use super::memory::{Heap, Memory};
use super::segment::{self, CUT, Line, Padded, Text, WORD, Words};
use super::slot::{self, Entered};
use super::snapshot::Snapshot;
use super::unfinished::{Handle, UnfinishedLines, Writers};
use crate::clock::Clock;
use crate::limits::{CLASSES, Limits, MAX_CLASS, cut_point};
use crate::sync::{AtomicU64, ForkMutex, LockError, Ordering};

pub(crate) struct Core<M> {
    limits: Limits,
    line_limit: usize,
    clock: Clock,
    journal: Journal<M>,
    /// The lines of each class that has a quota, which are in `journal`, too, and the lines of each
    /// separate class.
    classes: [Option<Journal<M>>; CLASSES],
    unfinished: UnfinishedLines,
    /// Held while a thread without a slot of its own pushes a line.
    shared_slot: ForkMutex<()>,
    /// How many lines of each separate class, and of all others (class 0), were dropped. Relaxed, like `cleared`: no other memory depends on these counts. A
    /// snapshot that is made while another thread clears the tail may combine a count from before the
    /// clear with lines from after it, or the reverse.
    dropped: [AtomicU64; CLASSES],
    /// How many lines of all, and of each class, had been pushed when the tail was cleared.
    cleared: [AtomicU64; CLASSES],
}

impl<M: Memory> Core<M> {
    /// `memory` returns the memory for the lines of a class, and for class 0 that for all lines.
    pub(crate) fn new(
        limits: Limits,
        clock: Clock,
        mut memory: impl FnMut(usize, &Limits) -> M,
    ) -> Core<M> {
        Core {
            line_limit: limits.shared_line_limit(),
            clock,
            journal: Journal::new(&limits, memory(0, &limits)),
            classes: std::array::from_fn(|class| {
                let limits = limits.of_class(class)?;
                let memory = memory(class, &limits);
                Some(Journal::new(&limits, memory))
            }),
            unfinished: UnfinishedLines::new(limits.shared_line_limit(), limits.max_bytes),
            shared_slot: ForkMutex::new(()),
            dropped: std::array::from_fn(|_| AtomicU64::new(0)),
            cleared: std::array::from_fn(|_| AtomicU64::new(0)),
            limits,
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        // A signal handler must not push while this thread holds a segment table's lock.
        let _entered = slot::enter();
        let not_counted = self.cleared[0].load(Ordering::Relaxed);
        let dropped = self.dropped[0].load(Ordering::Relaxed);
        // If a writer recycles a segment before it is copied, the copy is tried again. At the last try,
        // such writers wait.
        let (mut unfinished, mut contents) = (Vec::new(), None);
        for hold in [false, false, false, true] {
            // No line is finished before the clock is read, so no line is missing or occurs twice.
            let lines = self.unfinished.lock_all();
            unfinished = lines.lines();
            let now = |seen| {
                let now = self.clock.now_after(seen);
                drop(lines);
                now
            };
            contents = self.journal.try_contents(now, hold);
            if contents.is_some() {
                break;
            }
        }
        // The classes are copied later. A line that is pushed to a class meanwhile is not older than the
        // copied lines, and can only replace a line of its class that newer lines evict.
        let quotas = (1..CLASSES).filter(|class| !self.limits.separate[*class]);
        let quotas = quotas.filter_map(|class| Some((class, self.class_contents(class)?)));
        assemble::assemble(assemble::Source {
            quotas: quotas.collect(),
            bounds: Bounds {
                limits: &self.limits,
                timeline: self.clock.timeline(),
            },
            contents: contents.unwrap_or_default().without(not_counted),
            unfinished: if self.limits.keeps_nothing() {
                Vec::new()
            } else {
                unfinished
            },
            line_limit: self.line_limit,
            dropped,
        })
    }

    /// The lines of a separate class.
    pub(crate) fn class_snapshot(&self, class: u8) -> Snapshot {
        let class = usize::from(class);
        if self.limits.separate.get(class) != Some(&true) {
            return Snapshot::default();
        }
        // A signal handler must not push while this thread holds a segment table's lock.
        let _entered = slot::enter();
        let (Some(limits), Some(contents)) =
            (self.limits.of_class(class), self.class_contents(class))
        else {
            return Snapshot::default();
        };
        assemble::assemble(assemble::Source {
            quotas: Vec::new(),
            bounds: Bounds {
                limits: &limits,
                timeline: self.clock.timeline(),
            },
            contents,
            unfinished: Vec::new(),
            line_limit: self.line_limit,
            dropped: self.dropped[class].load(Ordering::Relaxed),
        })
    }

    fn class_contents(&self, class: usize) -> Option<Contents> {
        let journal = self.classes[class].as_ref()?;
        let not_counted = self.cleared[class].load(Ordering::Relaxed);
        let contents = [false, false, false, true]
            .into_iter()
            .find_map(|hold| journal.try_contents(|seen| self.clock.now_after(seen), hold))?;
        Some(contents.without(not_counted))
    }

    pub(crate) fn clear(&self) {
        let _entered = slot::enter();
        self.unfinished.clear();
        let mut now = 0;
        self.journal.clear(|seen| {
            now = self.clock.now_after(seen);
            now
        });
        let pushed = |journal: &Journal<M>, now: u64| {
            // All lines that were pushed up to this moment now count as evicted.
            let contents = journal.try_contents(|_| now, true);
            contents.map_or(0, |contents| contents.evicted)
        };
        let mut last = now;
        for (class, journal) in self.classes.iter().enumerate() {
            let Some(journal) = journal else { continue };
            journal.clear(|seen| {
                // A separate class takes its ticks from the clock by itself.
                last = if self.limits.separate[class] {
                    last.max(seen)
                } else {
                    last
                };
                last
            });
            self.cleared[class].store(pushed(journal, last), Ordering::Relaxed);
        }
        let pushed = pushed(&self.journal, now);
        self.journal.memory().cleared(last, pushed);
        for dropped in &self.dropped {
            dropped.store(0, Ordering::Relaxed);
        }
        self.cleared[0].store(pushed, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn push(&self, text: impl Text) {
        if text.len() > self.line_limit {
            return self.push_rarely(0, text);
        }
        let Some(entered) = slot::enter_own() else {
            return self.push_rarely(0, text);
        };
        match self.journal.append(entered.slot(), 0, text, &self.clock) {
            Some(tick) => self.journal.memory().pushed(tick, &self.clock),
            None => self.count_dropped(0),
        }
    }

    /// Pushes a line of a class; see `Builder::quota`.
    #[inline]
    pub(crate) fn push_class(&self, class: u8, text: impl Text) {
        if class == 0 || class > MAX_CLASS {
            self.push(text);
        } else {
            self.push_rarely(class, text);
        }
    }

    /// Pushes a line of a class or of none, with zeros behind it; see `SharedTail::push_padded`.
    #[inline(always)]
    pub(crate) fn push_padded(&self, class: u8, bytes: &[u8], len: usize) {
        let padded = Padded::new(bytes, len);
        if class == 0
            && let Some(padded) = padded
        {
            self.push(padded);
        } else {
            let class = if class > MAX_CLASS { 0 } else { class };
            self.push_rarely(class, &bytes[..len.min(bytes.len())]);
        }
    }

    /// Pushes a line that is too long, has a class, is the first of its thread, or is of a thread
    /// without a slot of its own.
    #[cold]
    #[inline(never)]
    fn push_rarely(&self, class: u8, text: impl Text) {
        let flags = segment::class_flags(class);
        if text.len() > self.line_limit {
            let head = &text.bytes()[..self.line_limit];
            let (end, mark) = cut_point(head, self.line_limit);
            let cut = [&head[..end], mark].concat();
            self.push_fitting(class, flags | CUT, &cut[..]);
        } else {
            self.push_fitting(class, flags, text);
        }
    }

    fn push_fitting(&self, class: u8, flags: u64, text: impl Text) {
        let Some(entered) = slot::enter() else {
            // This is a signal handler that has interrupted a push of this thread.
            return self.count_dropped(class);
        };
        let slot = entered.slot();
        let guard = if slot < slot::PRIVATE {
            None
        } else {
            match self.shared_slot.lock() {
                Ok(guard) => Some(guard),
                // The line that the parent's thread had begun was not published.
                Err(LockError::Orphaned(guard)) => Some(guard),
                Err(_) => return self.count_dropped(class),
            }
        };
        let of_class = self.classes[usize::from(class)].as_ref();
        let is_separate = self.limits.separate[usize::from(class)];
        let journal = if is_separate {
            of_class
        } else {
            Some(&self.journal)
        };
        let tick = journal.and_then(|journal| journal.append(slot, flags, text, &self.clock));
        let Some(tick) = tick else {
            return self.count_dropped(class);
        };
        if !is_separate && let Some(journal) = of_class {
            // The same tick, so that the two are known to be the same line.
            journal.append_at(slot, Line { tick, flags, text });
        }
        drop(guard);
        self.journal.memory().pushed(tick, &self.clock);
    }

    #[cold]
    fn count_dropped(&self, class: u8) {
        let class = usize::from(class);
        let counted = if self.limits.separate[class] {
            class
        } else {
            0
        };
        self.dropped[counted].fetch_add(1, Ordering::Relaxed);
    }

    /// Splits `bytes` into lines, and keeps the beginning of the line that is not finished.
    pub(crate) fn write(&self, handle: &Handle, writers: Writers, bytes: &[u8]) {
        let tick = || {
            let tick = self.clock.now();
            self.clock.raise_floor(tick);
            tick
        };
        self.unfinished
            .write(handle, writers, bytes, tick, |line| self.push(line));
    }

    /// Finishes the lines of a handle that is dropped.
    pub(crate) fn finish(&self, handle: &Handle) {
        self.unfinished.finish(handle, |line| self.push(line));
    }
}

impl Core<Heap> {
    /// See `SharedTail::try_begin`.
    #[inline(always)]
    pub(crate) fn try_begin(&self, len: usize) -> Option<Begun<'_>> {
        if len > self.line_limit {
            return None;
        }
        let entered = slot::enter_own()?;
        Some(Begun {
            core: self,
            entered,
            len,
        })
    }
}

/// A line that a thread has begun to push to a [`SharedTail`](crate::SharedTail); made by
/// [`try_begin`](crate::SharedTail::try_begin).
///
/// While it exists, lines that the thread pushes to any tail are dropped. If it is forgotten
/// (`std::mem::forget`), it lasts until the thread ends.
#[must_use = "a line that is begun is not pushed yet"]
pub struct Begun<'a> {
    core: &'a Core<Heap>,
    entered: Entered,
    len: usize,
}

impl Begun<'_> {
    /// Pushes the line, which is the beginning of `words`. Returns false if the line is longer than the
    /// words, if a segment is full (about one line in some hundred), or if the machine has no usable
    /// counter (every line).
    #[inline(always)]
    #[must_use = "the line may have to be pushed by `SharedTail::push`"]
    pub fn push<const N: usize>(self, words: impl Words<N>) -> bool {
        let Core { journal, clock, .. } = self.core;
        self.len <= N * WORD && journal.append_words(self.entered.slot(), clock, self.len, words)
    }
}

impl fmt::Debug for Begun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<M> Core<M> {
    /// Formats the tail for `Debug`, under this name.
    pub(crate) fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
