//! Machines that lose power: blocks of the file from different moments.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{Dice, Findings, identify, line, tries};
use crate::{Recovered, TailWriter, testing};

/// The content of the file at some moments; the first is just after a flush.
fn moments(dir: &Path, dice: &mut Dice) -> Vec<Vec<u8>> {
    let path = dir.join("ring");
    let _ = fs::remove_file(&path);
    let tail = TailWriter::builder()
        .max_lines(150)
        .max_bytes(20 << 10)
        .max_line_bytes(120)
        .quota(1, 5)
        .build_mapped(&path)
        .unwrap();
    let mut number = 0;
    let mut push = |lines: u64| {
        for _ in 0..lines {
            let text = line(0, number);
            if number % 40 == 0 {
                tail.push_class(1, text.as_bytes());
            } else {
                tail.push(text.as_bytes());
            }
            number += 1;
        }
    };
    push(dice.roll(1_000));
    tail.flush().unwrap();
    let mut moments = vec![fs::read(&path).unwrap()];
    for _ in 0..=dice.roll(3) {
        push(dice.roll(400));
        moments.push(fs::read(&path).unwrap());
    }
    moments
}

fn mixed(moments: &[Vec<u8>], size: usize, dice: &mut Dice) -> Vec<u8> {
    let mut image = moments[0].clone();
    // The odds vary, so that images range from all old blocks to all new ones.
    let odds = dice.roll(101);
    for (at, block) in image.chunks_mut(size).enumerate() {
        if dice.roll(100) < odds {
            let later = &moments[dice.roll(moments.len() as u64) as usize];
            let start = at * size;
            block.copy_from_slice(&later[start..start + block.len()]);
        }
    }
    image
}

/// The numbers of the lines in an image, in order; `None` for a line that is not complete.
fn numbers(path: &Path, image: &[u8]) -> (Vec<Option<u64>>, u64) {
    fs::write(path, image).unwrap();
    let recovered = Recovered::read(path).unwrap();
    let lines = recovered.snapshot().lines();
    let numbers = lines.map(|line| identify(line).map(|(_, number)| number));
    (numbers.collect(), recovered.damaged_lines())
}

fn campaign(tries: usize) -> Findings {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let mut dice = Dice(tries as u64);
    let mut findings = Findings::default();
    while findings.tries < tries as u64 {
        let moments = moments(dir.path(), &mut dice);
        let flushed: BTreeSet<_> = numbers(&path, &moments[0]).0.into_iter().collect();
        let at_last: BTreeSet<_> = numbers(&path, &moments[moments.len() - 1])
            .0
            .into_iter()
            .collect();
        for _ in 0..20 {
            let block = if dice.roll(2) == 0 { 512 } else { 4096 };
            let (found, _) = numbers(&path, &mixed(&moments, block, &mut dice));
            findings.tries += 1;
            findings.torn += found.iter().filter(|number| number.is_none()).count() as u64;
            findings.gaps += u64::from(!found.is_sorted_by(|a, b| a < b));
            let found: BTreeSet<_> = found.into_iter().collect();
            let kept = flushed.intersection(&at_last);
            findings.lost += kept.filter(|number| !found.contains(number)).count() as u64;
        }
    }
    findings
}

#[test]
fn blocks_of_different_moments_show_no_wrong_line_and_lose_nothing_flushed() {
    let findings = campaign(tries("TAILWRITER_IMAGES", 300));
    println!("power loss (lost: of what was flushed; gaps: out of order): {findings}");
    assert!(findings.is_clean(), "{findings}");
}

#[test]
fn without_checksums_it_would_be_noticed() {
    testing::IGNORE_CHECKSUMS.set(true);
    let findings = campaign(300);
    testing::IGNORE_CHECKSUMS.set(false);
    println!("power loss, checksums ignored: {findings}");
    assert!(findings.torn > 0 || findings.gaps > 0, "{findings}");
}
