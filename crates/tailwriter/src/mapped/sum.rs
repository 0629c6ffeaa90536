//! The checksum, which shows whether a block or record was written completely.
//!
//! It is computed while the words are stored, so it must be cheap: two lanes of folded multiplication,
//! and each lane takes two words per step. This is the mixing function of wyhash (Wang Yi and others,
//! "Modern Non-Cryptographic Hash Function and Pseudorandom Number Generator"), arranged for whole
//! words. It detects accidents; it does not protect against forgery.

/// Odd numbers with evenly spread bits. None is valid UTF-8, so words of text never equal them.
const SPREAD: [u64; 4] = [
    0xA076_1D64_78BD_642F,
    0xE703_7ED1_A0B4_28DB,
    0x8EBC_6AF0_9C88_C6E3,
    0x5899_65CC_7537_4CC3,
];

/// The two halves of the 128-bit product, combined by XOR.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Whether the checksum computed from the data equals the one in the file.
pub(crate) fn agree(found: u64, written: u64) -> bool {
    #[cfg(fuzzing)]
    if crate::fuzzing::ignores_checksums() {
        return true;
    }
    found == written
}

/// A checksum that is being computed.
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

    /// Begins the checksum of a record: `key` is the key of its lap, `at` its place in the segment.
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

    /// Adds all words, padded with zeros to a multiple of four.
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

/// The key of all checksums of one file: its random id.
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

    /// The checksum of the block with the number `place`.
    pub(crate) fn of_block(self, place: u64, words: &[u64]) -> u64 {
        Sum::new(self.id[0] ^ place, self.id[1])
            .add_all(words)
            .finish()
    }
}
