//! The lines of recycled segments that a share keeps.
//!
//! A thread that has filled a segment counts its lines by group (`census`). When a segment is
//! recycled, the lines in it that may still be among the last of their groups are copied here. The
//! order in which segments are recycled does not matter: a line is removed only when there are enough
//! later lines of its group, or enough groups with later lines.

use std::collections::VecDeque;

use super::census::Census;
use super::journal::{Contents, Found};
use super::segment::{Format, Segment};
use crate::shares::{ByGroup, Kind, KnownGroup, KnownKind, Order, Shares};

#[derive(Default)]
pub(crate) struct Archive {
    kinds: Vec<ArchivedKind>,
    /// How many segments were counted.
    censuses: u64,
}

struct ArchivedKind {
    bounds: Kind,
    groups: ByGroup<Group>,
    /// See [`KnownKind`].
    forgotten: Order,
}

#[derive(Default)]
struct Group {
    /// The order of the last line that was counted, archived or not.
    last: Order,
    known: KnownGroup,
    /// Sorted by order.
    kept: VecDeque<Kept>,
    kept_bytes: usize,
    /// The memory of a removed line, to be reused by the next one.
    spare: Vec<u64>,
    /// The last censuses that counted lines of the group: just enough to cover the lines that it may
    /// keep.
    counted: VecDeque<Counted>,
    counted_lines: u64,
}

/// Lines of a group that a census has counted.
struct Counted {
    census: u64,
    /// A lower bound of their ticks.
    first_tick: u64,
    lines: u64,
}

struct Kept {
    order: Order,
    flags: u64,
    len: usize,
    words: Vec<u64>,
}

impl Archive {
    pub(crate) fn new(shares: &Shares) -> Archive {
        let kind = |bounds: &Kind| ArchivedKind {
            bounds: *bounds,
            groups: ByGroup::default(),
            forgotten: (0, 0),
        };
        Archive {
            kinds: shares.kinds().iter().map(kind).collect(),
            censuses: 0,
        }
    }

    /// Counts the lines of a segment that is sealed.
    pub(crate) fn count(&mut self, census: &Census, shard: u16, first_tick: u64) {
        self.censuses += 1;
        for entry in &census.entries {
            for (kind, key) in self.kinds.iter_mut().zip(entry.groups) {
                if key != 0 {
                    let group = kind.groups.entry(key).or_default();
                    group.last = group.last.max((entry.last_tick, shard));
                    group.known.pushed += entry.lines;
                    group.raise_floor(
                        Counted {
                            census: self.censuses,
                            first_tick,
                            lines: entry.lines,
                        },
                        kind.bounds.lines as u64,
                    );
                    kind.forget();
                }
            }
        }
    }

    /// Copies the lines of a segment that a share may keep, because the segment is recycled now.
    pub(crate) fn keep<F: Format>(
        &mut self,
        census: &Census,
        segment: &Segment<'_, F>,
        cleared: u64,
    ) {
        let shard = segment.shard();
        for (at, entry) in census.entries.iter().enumerate() {
            let last = (entry.last_tick, shard);
            for (kind, key) in self.kinds.iter_mut().zip(entry.groups) {
                if let Some(group) = kind.groups.get_mut(&key)
                    && last >= group.known.floor.max(kind.forgotten)
                {
                    for place in census.last_places(at, segment, kind.bounds.lines) {
                        let Some(line) = segment.line_at(place) else {
                            continue;
                        };
                        let order = (line.tick(), shard);
                        if order >= group.known.floor && line.tick() > cleared {
                            group.keep(kind.bounds, order, line.flags(), line.len(), line.words());
                        }
                    }
                }
            }
        }
    }

    /// Forgets all lines, because the tail is cleared.
    pub(crate) fn clear(&mut self) {
        for kind in &mut self.kinds {
            kind.groups.clear();
            kind.forgotten = (0, 0);
        }
    }

    /// Copies the lines and the counts to a snapshot.
    pub(crate) fn copy_to(&self, contents: &mut Contents) {
        for kind in &self.kinds {
            let mut known = KnownKind {
                forgotten: kind.forgotten,
                groups: ByGroup::default(),
            };
            for (key, group) in &kind.groups {
                known.groups.insert(*key, group.known);
                for kept in &group.kept {
                    contents.others.push(Found {
                        tick: kept.order.0,
                        text: contents.words.len(),
                        len: kept.len as u32,
                        shard: kept.order.1,
                        flags: (kept.flags >> 32) as u16,
                    });
                    contents.words.extend_from_slice(&kept.words);
                }
            }
            contents.known.push(known);
        }
    }
}

impl ArchivedKind {
    /// Removes the group whose last line is oldest, if there are too many groups.
    fn forget(&mut self) {
        if self.groups.len() <= self.bounds.max_groups {
            return;
        }
        let oldest = self.groups.iter().min_by_key(|(_, group)| group.last);
        if let Some((&key, group)) = oldest {
            self.forgotten = self.forgotten.max(after(group.last));
            self.groups.remove(&key);
        }
    }
}

impl Group {
    /// Records a census, and raises the floor: lines that have enough later ones need not be copied.
    fn raise_floor(&mut self, new: Counted, most: u64) {
        self.counted_lines += new.lines;
        match self.counted.back_mut() {
            Some(last) if last.census == new.census => last.lines += new.lines,
            _ => self.counted.push_back(new),
        }
        while let Some(oldest) = self.counted.front()
            && self.counted_lines - oldest.lines >= most
        {
            self.counted_lines -= oldest.lines;
            self.counted.pop_front();
        }
        if self.counted_lines >= most {
            let first = self.counted.iter().map(|counted| counted.first_tick).min();
            self.known.floor = self.known.floor.max((first.unwrap_or(0), 0));
        }
    }

    fn keep(
        &mut self,
        bounds: Kind,
        order: Order,
        flags: u64,
        len: usize,
        words: impl Iterator<Item = u64>,
    ) {
        let later = self.kept.iter().rev().take_while(|kept| kept.order > order);
        let at = self.kept.len() - later.count();
        if at == 0 && self.kept.len() == bounds.lines {
            return;
        }
        let mut copy = std::mem::take(&mut self.spare);
        copy.clear();
        copy.extend(words);
        let line = Kept {
            order,
            flags,
            len,
            words: copy,
        };
        self.kept.insert(at, line);
        self.kept_bytes += len + 1;
        while self.kept.len() > bounds.lines
            || self.kept.len() > 1 && self.kept_bytes > bounds.max_bytes
        {
            let Some(oldest) = self.kept.pop_front() else {
                break;
            };
            self.kept_bytes -= oldest.len + 1;
            self.known.floor = self.known.floor.max(after(oldest.order));
            self.spare = oldest.words;
        }
    }
}

/// The next order after `order`.
fn after((tick, shard): Order) -> Order {
    (tick, shard.saturating_add(1))
}
