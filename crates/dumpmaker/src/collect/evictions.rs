//! Counts the records that are missing in a dump.

use std::collections::{HashMap, HashSet};

use flightrec_dump::{Dump, Eviction, Level};
use log::Level as LogLevel;
use tailwriter::{Entry, Snapshot};

use super::groups::{ERRORS, LEVELS, TARGETS, THREADS, WARNINGS, groups};
use super::records;

/// How many targets are listed in a dump, and how many threads.
const MAX_LISTED: usize = 100;

/// A group of records.
struct Group<'a> {
    /// A record of the group.
    record: Entry<'a>,
    /// How many records are in the snapshot, but not in the dump.
    omitted: u64,
}

/// Adds the numbers of missing records to a dump, by target, level and thread. The records of the
/// snapshot must have been added before.
pub fn add_evictions(snapshot: &Snapshot, dump: &mut Dump) {
    let in_dump: HashSet<u64> = dump.latest_logs.iter().map(|record| record.seq).collect();
    let mut kinds: [HashMap<u64, Group<'_>>; 3] = Default::default();
    let mut severe = [
        (LogLevel::Error, snapshot.evicted_of_class(ERRORS)),
        (LogLevel::Warn, snapshot.evicted_of_class(WARNINGS)),
    ];
    for record in snapshot.entries() {
        let Some(origin) = packlog::origin(record.line()) else {
            continue;
        };
        let omitted = u64::from(!in_dump.contains(&record.seq()));
        for (level, count) in &mut severe {
            *count += if *level == origin.level { omitted } else { 0 };
        }
        let groups = groups(record.line()).into_iter();
        for (kind, group) in kinds
            .iter_mut()
            .zip(groups)
            .filter(|(_, group)| *group != 0)
        {
            let group = kind.entry(group);
            let group = group.or_insert(Group { record, omitted: 0 });
            group.omitted += omitted;
        }
    }
    let count = |kind: usize, make: fn(&Entry<'_>, &mut Eviction)| {
        let groups = kinds[kind].iter().filter_map(|(key, group)| {
            let mut eviction = Eviction::default();
            eviction.count = snapshot.evicted_of_group(kind, *key)? + group.omitted;
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
    for mut evictions in [targets, levels, threads] {
        evictions.retain(|eviction| eviction.count > 0);
        evictions.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| name(a).cmp(name(b))));
        evictions.truncate(MAX_LISTED);
        dump.evictions.append(&mut evictions);
    }
    dump.unbroken_from = unbroken_from(snapshot, dump, &in_dump);
}

fn level(record: &Entry<'_>) -> Option<Level> {
    packlog::origin(record.line()).map(|origin| records::level(origin.level))
}

fn name(eviction: &Eviction) -> &str {
    let name = eviction.target.as_deref().or(eviction.thread.as_deref());
    name.unwrap_or_default()
}

/// Returns the number of the first record after which no record is missing; `None` if it is the first
/// record of the dump.
fn unbroken_from(snapshot: &Snapshot, dump: &Dump, in_dump: &HashSet<u64>) -> Option<u64> {
    let newest_first = snapshot.entries().skip(snapshot.kept_apart()).rev();
    let records = newest_first.filter(|record| packlog::origin(record.line()).is_some());
    let seqs = records.map(|record| record.seq());
    let first = seqs.take_while(|seq| in_dump.contains(seq)).last()?;
    let is_first = dump
        .latest_logs
        .first()
        .is_some_and(|record| record.seq == first);
    (!is_first).then_some(first)
}
