//! The unwind rule of a function: how to compute its caller's registers.

use super::arch::FIXED_RETURN_ADDRESS;

/// The unwind rule of one return address, in the form that nearly all have. The CFA (canonical frame
/// address) is at a fixed distance above the stack pointer or the frame pointer. The return address is
/// saved at a fixed distance below the CFA. The caller's frame pointer is in its register, or saved at
/// another fixed distance below the CFA.
///
/// It is one word, which keeps the cache small: the distance in the lowest 29 bits, then the flags, and
/// from bit 32 on 16 bits each for the places of the frame pointer and the return address. All
/// distances are in words of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule(u64);

const MAX_DISTANCE: u64 = (1 << 29) - 1;
const BY_FRAME_POINTER: u64 = 1 << 29;
const OUTERMOST: u64 = 1 << 30;
const WITHOUT_TABLE: u64 = 1 << 31;

impl Rule {
    /// The rule of the outermost function, which has no caller.
    pub(super) const END: Rule = Rule(OUTERMOST);
    /// The rule of a function without a table. The walk ends before it.
    pub(super) const NO_TABLE: Rule = Rule(OUTERMOST | WITHOUT_TABLE);

    /// `distance` is from the stack pointer (or the frame pointer) to the CFA, `return_address` from
    /// the CFA to the return address, and `saved` from the CFA to the saved frame pointer, if it is
    /// saved. All are in bytes. Returns `None` if a value does not fit; compilers do not generate such
    /// values.
    pub(super) fn new(
        by_frame_pointer: bool,
        distance: i64,
        return_address: i64,
        saved: Option<i64>,
    ) -> Option<Rule> {
        let distance = words(distance)?.try_into().ok()?;
        if !(1..=MAX_DISTANCE).contains(&distance) || saved == Some(return_address) {
            return None;
        }
        let saved = match saved {
            None => 0,
            Some(bytes) => below(bytes)?,
        };
        let flag = if by_frame_pointer {
            BY_FRAME_POINTER
        } else {
            0
        };
        let return_address = below(return_address)?;
        Some(Rule(
            distance | u64::from(saved) << 32 | u64::from(return_address) << 48 | flag,
        ))
    }

    #[inline(always)]
    pub(crate) fn is_end(self) -> bool {
        self.0 & OUTERMOST != 0
    }

    #[inline(always)]
    pub(super) fn has_table(self) -> bool {
        self.0 & WITHOUT_TABLE == 0
    }

    #[inline(always)]
    pub(crate) fn by_frame_pointer(self) -> bool {
        self.0 & BY_FRAME_POINTER != 0
    }

    /// The distance from the stack pointer or the frame pointer to the CFA, in bytes.
    #[inline(always)]
    pub(crate) fn distance(self) -> u64 {
        8 * (self.0 & MAX_DISTANCE)
    }

    /// How far below the CFA the return address is saved, in bytes.
    #[inline(always)]
    pub(crate) fn return_address(self) -> u64 {
        match FIXED_RETURN_ADDRESS {
            Some(fixed) => fixed.unsigned_abs(),
            None => 8 * (self.0 >> 48),
        }
    }

    /// How far below the CFA the caller's frame pointer is saved, in bytes; `None` if it is still
    /// in its register.
    #[inline(always)]
    pub(crate) fn saved(self) -> Option<u64> {
        let words = self.0 >> 32 & 0xffff;
        (words != 0).then_some(8 * words)
    }

    #[inline(always)]
    pub(super) fn to_word(self) -> u64 {
        self.0
    }

    #[inline(always)]
    pub(super) fn from_word(word: u64) -> Rule {
        Rule(word)
    }
}

/// Converts bytes to words; `None` if they are not a multiple of a word.
fn words(bytes: i64) -> Option<i64> {
    (bytes % 8 == 0).then_some(bytes / 8)
}

/// A distance below the CFA, in words.
fn below(bytes: i64) -> Option<u16> {
    let words = words(bytes)?.checked_neg()?;
    u16::try_from(words).ok().filter(|&words| words > 0)
}

#[cfg(test)]
mod tests {
    use super::{FIXED_RETURN_ADDRESS, Rule};

    const RETURN_ADDRESS: i64 = match FIXED_RETURN_ADDRESS {
        Some(fixed) => fixed,
        None => -24,
    };

    #[test]
    fn a_rule_returns_the_values_it_was_made_of() {
        for by_frame_pointer in [false, true] {
            for distance in [8, 16, 0xffff_fff8] {
                for saved in [None, Some(-16), Some(-8 * 0xffff)] {
                    let rule =
                        Rule::new(by_frame_pointer, distance, RETURN_ADDRESS, saved).unwrap();
                    assert!(!rule.is_end());
                    assert_eq!(rule.by_frame_pointer(), by_frame_pointer);
                    assert_eq!(rule.distance(), distance.cast_unsigned());
                    assert_eq!(rule.return_address(), RETURN_ADDRESS.unsigned_abs());
                    assert_eq!(rule.saved(), saved.map(i64::unsigned_abs));
                    assert_eq!(Rule::from_word(rule.to_word()), rule);
                    assert_ne!(rule.to_word(), 0);
                }
            }
        }
        assert!(Rule::END.is_end() && Rule::END.has_table());
        assert!(Rule::NO_TABLE.is_end() && !Rule::NO_TABLE.has_table());
    }

    #[test]
    fn values_that_do_not_fit_make_no_rule() {
        let ra = RETURN_ADDRESS;
        for (distance, return_address, saved) in [
            (0, ra, None),
            (-16, ra, None),
            (12, ra, None),
            (1 << 32, ra, None),
            (16, 0, None),
            (16, 8, None),
            (16, -12, None),
            (16, -8 * 0x1_0000, None),
            (16, ra, Some(-12)),
            (16, ra, Some(ra)),
            (16, ra, Some(0)),
            (16, ra, Some(8)),
            (16, ra, Some(-8 * 0x1_0000)),
        ] {
            let rule = Rule::new(false, distance, return_address, saved);
            assert_eq!(rule, None, "{distance} {return_address} {saved:?}");
        }
    }
}
