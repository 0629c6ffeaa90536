//! The checksum, which tells what was written whole from what was not.
//!
//! It is made as the words are stored, so it must cost little: two lanes of folded multiplication,
//! each of which takes in two words a step. That is the mixing function of wyhash (Wang Yi and
//! others, "Modern Non-Cryptographic Hash Function and Pseudorandom Number Generator"), arranged
//! for whole words. It finds accidents; it does not protect against forgery.

/// Odd numbers with bits spread evenly, so that words of text never equal them: none is valid UTF-8.
const SPREAD: [u64; 4] = [
    0xA076_1D64_78BD_642F,
    0xE703_7ED1_A0B4_28DB,
    0x8EBC_6AF0_9C88_C6E3,
    0x5899_65CC_7537_4CC3,
];

/// The 128 bits of the product, its halves laid over each other.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Whether the checksum of what was read is the one that was written beside it.
pub(crate) fn agree(found: u64, written: u64) -> bool {
    #[cfg(fuzzing)]
    if crate::fuzzing::forgives() {
        return true;
    }
    found == written
}

/// A checksum in the making.
#[derive(Clone, Copy)]
pub(crate) struct Sum {
    left: u64,
    right: u64,
}

impl Sum {
    #[inline]
    pub(crate) fn new(left: u64, right: u64) -> Sum {
        Sum { left, right }
    }

    /// Of a record: `key` is its lap's, `at` its place in the segment.
    #[inline]
    pub(crate) fn of_record(key: u64, at: usize, tick: u64, header: u64) -> Sum {
        Sum::new(key ^ tick, key.rotate_left(32) ^ header ^ (at as u64) << 40)
    }

    #[inline]
    pub(crate) fn add(&mut self, words: [u64; 4]) {
        let [a, b, c, d] = words;
        self.left = fold(self.left ^ a, SPREAD[0] ^ b);
        self.right = fold(self.right ^ c, SPREAD[1] ^ d);
    }

    /// Takes in all words, of which zeros fill up the last four.
    pub(crate) fn add_all(mut self, words: &[u64]) -> Sum {
        for four in words.chunks(4) {
            let mut padded = [0; 4];
            padded[..four.len()].copy_from_slice(four);
            self.add(padded);
        }
        self
    }

    #[inline]
    pub(crate) fn finish(self) -> u64 {
        fold(self.left ^ SPREAD[2], self.right ^ SPREAD[3])
    }
}

/// What the checksums of one file are keyed with, made of its random id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    id: [u64; 2],
}

impl Key {
    pub(crate) fn new(id: [u64; 2]) -> Key {
        Key { id }
    }

    /// The key of all records of one lap of one segment.
    pub(crate) fn of_lap(self, segment: u32, generation: u64) -> u64 {
        self.of_block(u64::from(segment), &[generation])
    }

    /// The checksum of a few words that have the number `place`.
    pub(crate) fn of_block(self, place: u64, words: &[u64]) -> u64 {
        Sum::new(self.id[0] ^ place, self.id[1])
            .add_all(words)
            .finish()
    }
}
