//! The unwind rule of a function: how to compute its caller's registers.

/// The unwind rule of one return address, in the form that nearly all have: the CFA (canonical
/// frame address) is a fixed distance above the stack pointer or the frame pointer, the return
/// address is the last word below the CFA, and the caller's frame pointer is in its register or
/// saved at a fixed distance below the CFA.
///
/// It is one word, which keeps the cache small: the distance in the lowest 32 bits, then 16 bits
/// for where the frame pointer is saved, then the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule(u64);

const BY_FRAME_POINTER: u64 = 1 << 48;
const OUTERMOST: u64 = 1 << 49;

impl Rule {
    /// The outermost function: it has no caller.
    pub(super) const END: Rule = Rule(OUTERMOST);

    /// `distance` is from the stack pointer (or the frame pointer) to the CFA, `saved` from the
    /// CFA to the saved frame pointer, if it is saved; both in bytes. `None` if a value does not
    /// fit, which compilers do not produce.
    pub(super) fn new(by_frame_pointer: bool, distance: i64, saved: Option<i64>) -> Option<Rule> {
        let distance = u32::try_from(distance).ok().filter(|&bytes| bytes >= 8)?;
        let saved = match saved {
            None => 0,
            // Below the return address.
            Some(bytes) if bytes % 8 == 0 && bytes < -8 => i16::try_from(bytes / 8).ok()?,
            Some(_) => return None,
        };
        let flag = if by_frame_pointer {
            BY_FRAME_POINTER
        } else {
            0
        };
        Some(Rule(
            u64::from(distance) | u64::from(saved.cast_unsigned()) << 32 | flag,
        ))
    }

    #[inline(always)]
    pub(crate) fn is_end(self) -> bool {
        self.0 & OUTERMOST != 0
    }

    #[inline(always)]
    pub(crate) fn by_frame_pointer(self) -> bool {
        self.0 & BY_FRAME_POINTER != 0
    }

    /// From the stack pointer or the frame pointer to the CFA, in bytes.
    #[inline(always)]
    pub(crate) fn distance(self) -> u64 {
        self.0 & 0xffff_ffff
    }

    /// How far below the CFA the caller's frame pointer is saved, in bytes; `None` if it is still
    /// in its register.
    #[inline(always)]
    pub(crate) fn saved(self) -> Option<u64> {
        let words = i64::from(((self.0 >> 32) as u16).cast_signed());
        (words != 0).then_some((-8 * words).cast_unsigned())
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

#[cfg(test)]
mod tests {
    use super::Rule;

    #[test]
    fn a_rule_returns_the_values_it_was_made_of() {
        for by_frame_pointer in [false, true] {
            for distance in [8, 16, 0xffff_fff8] {
                for saved in [None, Some(-16), Some(-8 * 0x8000)] {
                    let rule = Rule::new(by_frame_pointer, distance, saved).unwrap();
                    assert!(!rule.is_end());
                    assert_eq!(rule.by_frame_pointer(), by_frame_pointer);
                    assert_eq!(rule.distance(), distance.cast_unsigned());
                    assert_eq!(rule.saved(), saved.map(i64::unsigned_abs));
                    assert_eq!(Rule::from_word(rule.to_word()), rule);
                    assert_ne!(rule.to_word(), 0);
                }
            }
        }
        assert!(Rule::END.is_end());
    }

    #[test]
    fn values_that_do_not_fit_make_no_rule() {
        for (distance, saved) in [
            (0, None),
            (-16, None),
            (1 << 32, None),
            (16, Some(-12)),
            (16, Some(-8)),
            (16, Some(0)),
            (16, Some(-8 * 0x8001)),
        ] {
            assert_eq!(Rule::new(false, distance, saved), None);
        }
    }
}
