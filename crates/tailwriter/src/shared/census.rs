//! Finds which groups have lines in a full segment, and where.
//!
//! This is the only work that shares add per line, so a run of lines with the same head is scanned in a
//! tight loop.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::segment::{Format, Segment};
use super::stored::{Head, Stored, TextPart};
use crate::shares::{Groups, HEAD_WORDS, Shares};

/// The lines of a segment by group.
#[derive(Default)]
pub(crate) struct Census {
    pub(crate) entries: Vec<CensusEntry>,
    /// In the order of the lines.
    runs: Vec<Run>,
    /// A buffer for the line that is passed to the user's function.
    text: Vec<u8>,
}

/// Lines of a segment that are in the same groups. Several entries may have the same groups.
pub(crate) struct CensusEntry {
    pub(crate) groups: Groups,
    /// The common head of all of them, if the head decides which groups they are in.
    head: Option<[u64; HEAD_WORDS]>,
    /// The place of the first line.
    first: u32,
    pub(crate) lines: u64,
    pub(crate) last_tick: u64,
}

/// Consecutive lines of one entry.
struct Run {
    entry: u32,
    /// Where the first line begins, in words.
    place: u32,
    lines: u32,
}

impl Census {
    /// Counts the lines that are newer than `cleared`, reusing the memory of `spare`. The owner of the
    /// segment must hold no lock, because this calls a function of the user.
    pub(crate) fn of<F: Format>(
        segment: &Segment<'_, F>,
        shares: &Shares,
        cleared: u64,
        mut spare: Census,
    ) -> Census {
        spare.entries.clear();
        spare.runs.clear();
        let add_all = || {
            spare.add_all(segment, shares, cleared);
            spare
        };
        catch_unwind(AssertUnwindSafe(add_all)).unwrap_or_default()
    }

    fn add_all<F: Format>(&mut self, segment: &Segment<'_, F>, shares: &Shares, cleared: u64) {
        let mut place = 0;
        while let Some(line) = segment.line_at(place) {
            if line.tick() <= cleared {
                place = line.end(place);
                continue;
            }
            let head = line.head().and_then(|head| {
                let words = shares.masked(head);
                let text = shares.decides(words)?;
                (text.end <= line.len()).then(|| Head {
                    words,
                    text: TextPart::new(text),
                })
            });
            let run = match &head {
                Some(head) => segment.run_from(place, &line, head, shares.mask()),
                None => line.alone(place),
            };
            let at = self.entry_of(head.as_ref(), place, &line, segment, shares);
            let entry = &mut self.entries[at];
            entry.lines += u64::from(run.lines);
            entry.last_tick = run.last_tick;
            self.runs.push(Run {
                entry: at as u32,
                place,
                lines: run.lines,
            });
            place = run.end;
        }
    }

    /// The entry for `line`, which is at `place`: the one with equal words in `head` or, without a
    /// head, the one with the same groups.
    fn entry_of<F: Format>(
        &mut self,
        head: Option<&Head>,
        place: u32,
        line: &Stored<'_, F>,
        segment: &Segment<'_, F>,
        shares: &Shares,
    ) -> usize {
        // From the end, because similar lines often follow soon.
        let entries = &mut self.entries;
        let words = head.map(|head| head.words);
        let found = head.and_then(|head| {
            entries.iter().rposition(|entry| {
                let one = || segment.line_at(entry.first);
                entry.head == words && one().is_some_and(|one| one.agrees(line, head))
            })
        });
        found.unwrap_or_else(|| {
            self.text.clear();
            line.copy_to(&mut self.text);
            let groups = shares.groups_of(&self.text);
            let same = |entry: &CensusEntry| entry.head.is_none() && entry.groups == groups;
            let found = entries.iter().rposition(same).filter(|_| head.is_none());
            found.unwrap_or_else(|| {
                entries.push(CensusEntry {
                    groups,
                    head: words,
                    first: place,
                    lines: 0,
                    last_tick: 0,
                });
                entries.len() - 1
            })
        })
    }

    /// The places of the last `most` lines of an entry, given by its index.
    pub(crate) fn last_places<F: Format>(
        &self,
        entry: usize,
        segment: &Segment<'_, F>,
        most: usize,
    ) -> impl Iterator<Item = u32> {
        let lines = self.entries.get(entry).map_or(0, |entry| entry.lines);
        let runs = self
            .runs
            .iter()
            .filter(move |run| run.entry as usize == entry);
        let places = runs.flat_map(move |run| {
            let next = |place: &u32| Some(segment.line_at(*place)?.end(*place));
            std::iter::successors(Some(run.place), next).take(run.lines as usize)
        });
        places.skip((lines as usize).saturating_sub(most))
    }
}
