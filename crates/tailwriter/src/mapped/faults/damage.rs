//! Files that are damaged or forged.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::{Dice, identify, line, tries};
use crate::limits::{CLASSES, Limits};
use crate::mapped::header::{HEADER_BYTES, HEADER_WORDS, Header};
use crate::shared::memory::Geometry;
use crate::{MappedTail, Recovered};

const GEOMETRY: Geometry = Geometry {
    segment_words: 96,
    segments: 5,
};

/// A small file of some laps, and a path for damaged copies of it.
struct Sample {
    bytes: Vec<u8>,
    lines: Vec<Vec<u8>>,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Sample {
    fn new() -> Sample {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ring");
        let mut limits = Limits {
            max_lines: 15,
            max_line_bytes: 100,
            ..Limits::default()
        };
        limits.quotas[1] = 2;
        let mut parts = [Geometry::default(); CLASSES];
        parts[..2].fill(GEOMETRY);
        let tail = MappedTail::create_divided(limits, 0, parts, &path).unwrap();
        for number in 0..200 {
            if number % 10 == 0 {
                tail.push_class(1, line(0, number).as_bytes());
            } else {
                tail.push(line(0, number).as_bytes());
            }
        }
        tail.clear();
        for number in 200..300 {
            tail.push(line(0, number).as_bytes());
        }
        tail.push_class(1, line(0, 300).as_bytes());
        let lines: Vec<_> = tail.snapshot().lines().map(<[u8]>::to_vec).collect();
        assert_eq!(lines.len(), 15);
        Sample {
            bytes: fs::read(&path).unwrap(),
            lines,
            path,
            _dir: dir,
        }
    }

    fn file(&self) -> File {
        fs::write(&self.path, &self.bytes).unwrap();
        File::options().write(true).open(&self.path).unwrap()
    }

    /// Checks what must hold however the file is damaged.
    fn check(&self) -> io::Result<Recovered> {
        let result = Recovered::read(&self.path);
        match &result {
            Ok(recovered) => {
                let lines = recovered.snapshot().lines();
                let numbers = lines.map(|line| identify(line).map(|(_, number)| number));
                let numbers: Vec<_> = numbers.collect();
                let whole = numbers.iter().all(Option::is_some);
                assert!(whole && numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
                // This must not panic for any numbers.
                let entries = recovered.snapshot().entries();
                let times = entries.map(|entry| (entry.time(), entry.seq()));
                let _ = (times.count(), recovered.last_line_at(), recovered.elapsed());
                let _ = format!("{recovered:?} {:?}", recovered.started_at());
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}"),
        }
        result
    }
}

/// The part of the header that never changes. Damage to the rest of its page does no harm.
const FACTS: Range<usize> = 0..FACT_WORDS * 8;
const FACT_WORDS: usize = 41;

#[test]
fn a_flipped_bit_anywhere_shows_no_wrong_line() {
    let sample = Sample::new();
    let file = sample.file();
    let all = sample.check().unwrap();
    assert_eq!(
        all.snapshot().to_vec(),
        [sample.lines.join(&b'\n'), vec![b'\n']].concat()
    );
    let (mut noticed, mut flips) = (0, 0);
    for (at, &byte) in sample.bytes.iter().enumerate() {
        // Short runs flip one bit of each byte, a different one for each; long runs flip all.
        let all_bits = tries("TAILWRITER_FUZZ", 0) >= 1_000_000;
        for bit in (0..8).filter(|bit| all_bits || *bit == at * 5 % 8) {
            file.write_all_at(&[byte ^ 1 << bit], at as u64).unwrap();
            flips += 1;
            match sample.check() {
                Ok(found) => {
                    assert!(!FACTS.contains(&at), "byte {at} of the header");
                    noticed += u64::from(found.damaged_lines() > 0);
                }
                Err(error) => assert!(FACTS.contains(&at), "byte {at}: {error}"),
            }
        }
        file.write_all_at(&[byte], at as u64).unwrap();
    }
    println!("bit flips: {flips}, of which {noticed} damaged a line, 0 wrong");
    // Apart from the first page, most of the file is lines.
    assert!(noticed > flips / 4, "{noticed} of {flips}");
}

#[test]
fn a_file_cut_anywhere_shows_no_wrong_line() {
    let sample = Sample::new();
    let file = sample.file();
    assert!(!sample.check().unwrap().is_truncated());
    for len in (0..sample.bytes.len()).rev() {
        file.set_len(len as u64).unwrap();
        match sample.check() {
            Ok(found) => assert!(len >= HEADER_BYTES && found.is_truncated()),
            Err(error) => assert!(len < HEADER_BYTES, "{len}: {error}"),
        }
    }
    println!("truncations: {}, 0 wrong", sample.bytes.len());
}

/// Changes parts of an image as accidents and attacks might.
fn mutate(image: &mut Vec<u8>, dice: &mut Dice) {
    let place = |len: usize, dice: &mut Dice| dice.roll(len as u64) as usize;
    for _ in 0..=dice.roll(4) {
        // The beginning of the file and of its segments are the most delicate places.
        let start = match dice.roll(3) {
            0 => place(image.len(), dice),
            1 => place(HEADER_BYTES / 8, dice),
            _ => {
                HEADER_BYTES
                    + place(2 * GEOMETRY.segments, dice) * GEOMETRY.segment_words * 8
                    + place(200, dice)
            }
        };
        let end = (start + 1 + place(16, dice)).min(image.len());
        let bytes = image.get_mut(start..end).unwrap_or_default();
        if bytes.is_empty() {
            continue;
        }
        match dice.roll(5) {
            0 => bytes.fill_with(|| dice.roll(256) as u8),
            1 => bytes.fill([0, 0xFF, 0x80, 1][place(4, dice)]),
            2 => bytes[0] ^= 1 << dice.roll(8),
            3 => {
                let from = place(image.len() - 600, dice);
                let len = (1 + place(599, dice)).min(image.len() - start);
                image.copy_within(from..from + len, start);
            }
            _ => image.truncate(place(image.len(), dice).max(700)),
        }
    }
}

/// Writes a header with a valid checksum and random contents.
fn invent_header(image: &mut [u8], dice: &mut Dice) {
    let mut words = [0; HEADER_WORDS];
    for (word, bytes) in words.iter_mut().zip(image.as_chunks().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    let Ok(mut header) = Header::decode(&words) else {
        return;
    };
    let odd = |dice: &mut Dice| match dice.roll(4) {
        0 => dice.roll(10),
        1 => dice.roll(300),
        2 => u64::MAX >> dice.roll(64),
        _ => 1 << dice.roll(64),
    };
    let class = dice.roll(3) as usize;
    match dice.roll(10) {
        0 => header.parts[class].segment_words = odd(dice) as usize,
        1 => header.parts[class].segments = odd(dice) as usize,
        2 => header.limits.quotas[class] = odd(dice) as usize,
        3 => header.line_limit = odd(dice) as usize,
        4 => header.limits.max_bytes = odd(dice) as usize,
        5 => header.limits.max_lines = odd(dice) as usize,
        6 => header.reserved = dice.roll(20_000) as usize,
        7 => header.reserved = odd(dice) as usize,
        8 => (header.start_ticks, header.start_nanos) = (odd(dice), odd(dice)),
        _ => header.limits.max_age = Some(std::time::Duration::from_nanos(odd(dice))),
    }
    for (bytes, word) in image
        .as_chunks_mut()
        .0
        .iter_mut()
        .zip(&header.encode()[..FACT_WORDS])
    {
        *bytes = word.to_ne_bytes();
    }
}

#[test]
fn any_file_content_is_read_without_harm() {
    let mut sample = Sample::new();
    let whole = sample.bytes.clone();
    let tries = tries("TAILWRITER_FUZZ", 3_000);
    let mut dice = Dice(tries as u64);
    let (mut rejected, mut lines) = (0, 0);
    for _ in 0..tries {
        sample.bytes.clone_from(&whole);
        match dice.roll(8) {
            0 => sample.bytes.fill_with(|| dice.roll(256) as u8),
            1 | 2 => invent_header(&mut sample.bytes, &mut dice),
            3 => {
                invent_header(&mut sample.bytes, &mut dice);
                mutate(&mut sample.bytes, &mut dice);
            }
            _ => mutate(&mut sample.bytes, &mut dice),
        }
        sample.file();
        match sample.check() {
            Ok(found) => lines += found.snapshot().len(),
            Err(_) => rejected += 1,
        }
    }
    println!(
        "fuzz: {tries} inputs, {rejected} rejected, {lines} whole lines in the others, 0 wrong"
    );
    assert!(lines > tries && rejected > tries / 10 && rejected < tries);
}
