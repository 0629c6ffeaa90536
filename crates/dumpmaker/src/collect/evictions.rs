//! Which records are missing in a dump, and where.

use std::collections::{HashMap, HashSet};

use flightrec_dump::{Dump, Eviction, Level};
use log::Level as LogLevel;
use tailwriter::{Entry, Snapshot};

use super::groups::{ERRORS, LEVELS, TARGETS, THREADS, WARNINGS, groups};
use super::records;

/// How many targets and how many threads a dump tells.
const MOST: usize = 100;

/// A group of records.
struct Group<'a> {
    /// One of them.
    record: Entry<'a>,
    /// How many the snapshot has and the dump has not.
    left_out: u64,
}

/// Adds to a dump, which has its records, how many of those of the snapshot's tail it lacks, by target,
/// level and thread.
pub fn add_evictions(snapshot: &Snapshot, dump: &mut Dump) {
    let is_there: HashSet<u64> = dump.latest_logs.iter().map(|record| record.seq).collect();
    let mut kinds: [HashMap<u64, Group<'_>>; 3] = Default::default();
    let mut severe = [
        (LogLevel::Error, snapshot.evicted_of_class(ERRORS)),
        (LogLevel::Warn, snapshot.evicted_of_class(WARNINGS)),
    ];
    for record in snapshot.entries() {
        let Some(origin) = packlog::origin(record.line()) else {
            continue;
        };
        let left_out = u64::from(!is_there.contains(&record.seq()));
        for (level, count) in &mut severe {
            *count += if *level == origin.level { left_out } else { 0 };
        }
        let groups = groups(record.line()).into_iter();
        for (kind, group) in kinds
            .iter_mut()
            .zip(groups)
            .filter(|(_, group)| *group != 0)
        {
            let group = kind.entry(group);
            let group = group.or_insert(Group {
                record,
                left_out: 0,
            });
            group.left_out += left_out;
        }
    }
    let count = |kind: usize, make: fn(&Entry<'_>, &mut Eviction)| {
        let groups = kinds[kind].iter().filter_map(|(key, group)| {
            let mut eviction = Eviction::default();
            eviction.count = snapshot.evicted_of_group(kind, *key)? + group.left_out;
            make(&group.record, &mut eviction);
            Some(eviction)
        });
        groups.collect::<Vec<_>>()
    };
    let targets = count(TARGETS, |record, eviction| {
        eviction.target = packlog::origin(record.line()).map(|origin| origin.target.to_owned());
    });
    let mut levels = count(LEVELS, |record, eviction| {
        eviction.level = level(record);
    });
    levels.extend(severe.map(|(level, count)| {
        let mut eviction = Eviction::default();
        (eviction.level, eviction.count) = (Some(records::level(level)), count);
        eviction
    }));
    let threads = count(THREADS, |record, eviction| {
        let record = packlog::unpack(record.line());
        eviction.thread = record.ok().map(|record| record.thread.to_owned());
    });
    for mut of_kind in [targets, levels, threads] {
        of_kind.retain(|eviction| eviction.count > 0);
        of_kind.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| name(a).cmp(name(b))));
        of_kind.truncate(MOST);
        dump.evictions.append(&mut of_kind);
    }
    dump.unbroken_from = unbroken_from(snapshot, dump, &is_there);
}

fn level(record: &Entry<'_>) -> Option<Level> {
    packlog::origin(record.line()).map(|origin| records::level(origin.level))
}

fn name(eviction: &Eviction) -> &str {
    let name = eviction.target.as_deref().or(eviction.thread.as_deref());
    name.unwrap_or_default()
}

/// The number of the first of the records from which on none is missing, unless that is the first of
/// all.
fn unbroken_from(snapshot: &Snapshot, dump: &Dump, is_there: &HashSet<u64>) -> Option<u64> {
    let last = snapshot.entries().skip(snapshot.kept_apart()).rev();
    let records = last.filter(|record| packlog::origin(record.line()).is_some());
    let unbroken = records.map(|record| record.seq());
    let first = unbroken.take_while(|seq| is_there.contains(seq)).last()?;
    let is_first = dump
        .latest_logs
        .first()
        .is_some_and(|record| record.seq == first);
    (!is_first).then_some(first)
}
