//! The rules that a thread has met.

use super::rule::Rule;

/// Addresses that fall into one set; so many of them can be there at once. One set is one line of
/// the processor's cache for the addresses and one for the rules.
const WAYS: usize = 4;

/// 16 KiB in all, for 1,024 addresses.
const SETS: usize = 256;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Set {
    /// Return addresses; 0 where nothing is.
    addresses: [u64; WAYS],
    rules: [u64; WAYS],
}

/// Which rule holds at which return address. What no longer fits is forgotten, and read from the
/// tables again.
pub(super) struct Cache(Box<[Set]>);

impl Cache {
    pub(super) fn new() -> Self {
        let empty = Set {
            addresses: [0; WAYS],
            rules: [0; WAYS],
        };
        Self(vec![empty; SETS].into_boxed_slice())
    }

    /// Neighbours go to sets far from each other: the upper bits of a product depend on all bits
    /// of the address.
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

    /// Forgets the oldest rule of its set if that is full. No address is 0.
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
    use super::{Cache, SETS, WAYS};
    use crate::capture::fast::rule::Rule;

    fn rule(n: u64) -> Rule {
        Rule::new(false, 8 * (n.cast_signed() + 1), None).unwrap()
    }

    #[test]
    fn what_was_put_in_last_is_found() {
        let mut cache = Cache::new();
        let addresses: Vec<u64> = (0..10_000).map(|n| 0x5555_0000_0000 + 7 * n).collect();
        for (n, &address) in addresses.iter().enumerate() {
            assert_eq!(cache.get(address), None);
            cache.insert(address, rule(n as u64));
            assert_eq!(cache.get(address), Some(rule(n as u64)));
        }
        // Of all others some are forgotten, and none is wrong.
        let held = addresses.iter().enumerate().filter(|&(n, &address)| {
            let found = cache.get(address);
            assert!(found.is_none_or(|found| found == rule(n as u64)));
            found.is_some()
        });
        assert_eq!(held.count(), SETS * WAYS);
    }

    #[test]
    fn a_set_holds_several_that_collide() {
        let mut cache = Cache::new();
        let colliding = (1..).filter(|&address| Cache::set(address) == 3).take(WAYS);
        let colliding: Vec<u64> = colliding.collect();
        for &address in &colliding {
            cache.insert(address, rule(address));
        }
        for &address in &colliding {
            assert_eq!(cache.get(address), Some(rule(address)));
        }
    }
}
