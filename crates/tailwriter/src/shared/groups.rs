//! Finds the lines of a snapshot that a share keeps, and counts the evicted lines of each group.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::assemble::Bounds;
use super::journal::{Contents, Found, NOT_COUNTED};
use super::segment::WORD;
use super::snapshot::{HAS_SHARE, Snapshot, UNFINISHED};
use crate::shares::{ByGroup, Groups, Selection, Shares};

/// How many lines of each group were pushed; one map for each kind.
#[derive(Default)]
pub(crate) struct Pushed<'a> {
    shares: Option<&'a Shares>,
    kinds: Vec<ByGroup<u64>>,
}

/// Marks the lines that a share keeps, both among the last lines of all and among the older ones.
pub(crate) fn apply<'a>(bounds: &Bounds<'a>, contents: &mut Contents) -> Pushed<'a> {
    let Some(shares) = &bounds.limits.shares else {
        return Pushed::default();
    };
    let Contents {
        words,
        lines,
        others,
        known,
        ..
    } = contents;
    others.sort_unstable_by_key(Found::order);
    // The archive has a line once for each of its groups.
    others.dedup_by_key(|line| line.order());
    let mut kinds: Vec<ByGroup<u64>> = known
        .iter()
        .map(|kind| {
            let groups = kind.groups.iter();
            groups
                .map(|(group, known)| (*group, known.pushed))
                .collect()
        })
        .collect();
    let mut selection = Selection::new(shares, known);
    let mut text = Vec::new();
    // From the newest to the oldest: all of the others are older than the last lines.
    for line in lines.iter_mut().rev().chain(others.iter_mut().rev()) {
        if line.flags & UNFINISHED != 0 {
            continue;
        }
        copy(words, line, &mut text);
        let groups = groups_of(shares, &text);
        if line.flags & NOT_COUNTED != 0 {
            for (kind, group) in kinds
                .iter_mut()
                .zip(groups)
                .filter(|(_, group)| *group != 0)
            {
                *kind.entry(group).or_default() += 1;
            }
        }
        if selection.keeps(&groups, line.order(), text.len()) {
            line.flags |= HAS_SHARE;
        }
    }
    Pushed {
        shares: Some(shares),
        kinds,
    }
}

impl Pushed<'_> {
    /// How many lines of each group are missing in the snapshot.
    pub(crate) fn evicted(self, snapshot: &Snapshot) -> Vec<ByGroup<u64>> {
        let mut kinds = self.kinds;
        if let Some(shares) = self.shares {
            for entry in snapshot.entries().filter(|entry| entry.is_finished()) {
                let groups = groups_of(shares, entry.line());
                for (kind, group) in kinds.iter_mut().zip(groups) {
                    if let Some(pushed) = kind.get_mut(&group) {
                        *pushed = pushed.saturating_sub(1);
                    }
                }
            }
        }
        kinds
    }
}

/// Calls the function of the user. Returns no groups if it panics.
fn groups_of(shares: &Shares, line: &[u8]) -> Groups {
    catch_unwind(AssertUnwindSafe(|| shares.groups_of(line))).unwrap_or_default()
}

fn copy(words: &[u64], line: &Found, text: &mut Vec<u8>) {
    text.clear();
    let len = line.len as usize;
    for word in &words[line.text..line.text + len.div_ceil(WORD)] {
        text.extend_from_slice(&word.to_le_bytes());
    }
    text.truncate(len);
}
