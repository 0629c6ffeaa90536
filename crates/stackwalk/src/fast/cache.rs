//! The rules that a thread has read.

use super::rule::Rule;

/// The number of entries of a set. The addresses of a set fill one cache line of the processor, and the
/// rules fill another.
const WAYS: usize = 4;

/// The cache has 16 KiB, for 1,024 addresses.
const SETS: usize = 256;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Set {
    /// Return addresses; 0 marks an empty entry.
    addresses: [u64; WAYS],
    rules: [u64; WAYS],
}

/// A set-associative cache from return address to rule. When a set is full, its oldest entry is
/// replaced.
pub(crate) struct RuleCache(Box<[Set]>);

impl RuleCache {
    pub(crate) fn new() -> Self {
        let empty = Set {
            addresses: [0; WAYS],
            rules: [0; WAYS],
        };
        Self(vec![empty; SETS].into_boxed_slice())
    }

    /// The upper bits of the product depend on all bits of the address, so that neighbouring
    /// addresses fall into different sets.
    #[inline(always)]
    fn set(address: u64) -> usize {
        // 2^64 divided by the golden ratio.
        (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SETS.ilog2())) as usize
    }

    #[inline(always)]
    pub(super) fn get(&self, address: u64) -> Option<Rule> {
        let set = &self.0[Self::set(address)];
        let way = set.addresses.iter().position(|&held| held == address)?;
        Some(Rule::from_word(set.rules[way]))
    }

    /// The address must not be 0.
    pub(super) fn insert(&mut self, address: u64, rule: Rule) {
        let set = &mut self.0[Self::set(address)];
        set.addresses.rotate_right(1);
        set.rules.rotate_right(1);
        set.addresses[0] = address;
        set.rules[0] = rule.to_word();
    }
}

#[cfg(test)]
mod tests {
    use super::{RuleCache, SETS, WAYS};
    use crate::fast::rule::Rule;

    fn rule(n: u64) -> Rule {
        Rule::new(false, 8 * (n.cast_signed() + 1), -8, None).unwrap()
    }

    #[test]
    fn the_newest_entry_is_found_and_no_rule_is_wrong() {
        let mut cache = RuleCache::new();
        let addresses: Vec<u64> = (0..10_000).map(|n| 0x5555_0000_0000 + 7 * n).collect();
        for (n, &address) in addresses.iter().enumerate() {
            assert_eq!(cache.get(address), None);
            cache.insert(address, rule(n as u64));
            assert_eq!(cache.get(address), Some(rule(n as u64)));
        }
        let held = addresses.iter().enumerate().filter(|&(n, &address)| {
            let found = cache.get(address);
            assert!(found.is_none_or(|found| found == rule(n as u64)));
            found.is_some()
        });
        assert_eq!(held.count(), SETS * WAYS);
    }

    #[test]
    fn a_set_holds_several_addresses_that_collide() {
        let mut cache = RuleCache::new();
        let colliding = (1..)
            .filter(|&address| RuleCache::set(address) == 3)
            .take(WAYS);
        let colliding: Vec<u64> = colliding.collect();
        for &address in &colliding {
            cache.insert(address, rule(address));
        }
        for &address in &colliding {
            assert_eq!(cache.get(address), Some(rule(address)));
        }
    }
}
