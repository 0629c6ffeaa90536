//! Processes that die while two threads write.

use std::env;
use std::fs::{self, File};
use std::hint;
use std::io;
use std::mem;
use std::path::Path;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::{Dice, Findings, identify, line, tries};
use crate::mapped::map::Map;
use crate::{MappedTail, Recovered, TailWriter, testing};

const DIR: &str = "TAILWRITER_CHILD_DIR";
const DEATH: &str = "TAILWRITER_CHILD_DEATH";
const MUTANT: &str = "TAILWRITER_CHILD_MUTANT";

const KEPT: usize = 1_500;
const QUOTA: usize = 20;
/// No thread gets further ahead of the other than this, so lines of both are always kept.
const LEAD: u64 = 400;
const PROGRESS_BYTES: usize = 4096;

/// Runs in the process that dies; in an ordinary run it does nothing.
#[test]
fn child() {
    let Some(dir) = env::var_os(DIR) else {
        return;
    };
    let dir = Path::new(&dir);
    testing::COMMIT_FIRST.store(env::var_os(MUTANT).is_some(), Ordering::Relaxed);
    let progress = File::options()
        .read(true)
        .write(true)
        .open(dir.join("progress"))
        .unwrap();
    let progress = Map::new(&progress, PROGRESS_BYTES).unwrap();
    let tail = TailWriter::builder()
        .max_lines(KEPT)
        .max_bytes(256 << 10)
        .max_line_bytes(200)
        .quota(1, QUOTA)
        .build_mapped(dir.join("ring"))
        .unwrap();
    let death = env::var(DEATH).unwrap();
    let last = 1_000 + u64::from(process::id()) * 7_919 % 20_000;
    thread::spawn(end_with_parent);
    thread::scope(|scope| {
        for writer in 0..2 {
            let (tail, death, words) = (&tail, death.as_str(), progress.words());
            scope.spawn(move || write(tail, writer, words, || die(death), last));
        }
    });
}

/// Ends the process when its parent ends, which closes the parent's end of the pipe.
fn end_with_parent() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    process::exit(0);
}

fn write(tail: &MappedTail, writer: usize, progress: &[AtomicU64], die: impl Fn(), last: u64) {
    for number in 0.. {
        let text = line(writer, number);
        if number % 64 == 0 {
            tail.push_class(1, text.as_bytes());
        } else {
            tail.push(text.as_bytes());
        }
        // Release: a line is pushed before its number is reported.
        progress[writer].store(number + 1, Ordering::Release);
        while number > progress[1 - writer].load(Ordering::Relaxed) + LEAD {
            hint::spin_loop();
        }
        if writer == 0 && number == last {
            die();
        }
    }
}

fn die(how: &str) {
    match how {
        // The parent sends the signal.
        "kill" => return,
        "abort" => process::abort(),
        "segfault" => segfault(),
        "overflow" => println!("{}", overflow(0)),
        // With 32-bit addresses, the first allocations may succeed.
        "allocation" => loop {
            mem::forget(hint::black_box(Vec::<u8>::with_capacity(
                isize::MAX as usize,
            )));
        },
        _ => {}
    }
    // The parent sees by this code that the process has not died. Without it, it would wait forever.
    process::exit(0);
}

#[allow(unsafe_code)]
fn segfault() {
    // SAFETY: not safe on purpose: nothing is mapped there, so the write raises SIGSEGV.
    unsafe { std::ptr::without_provenance_mut::<u64>(4096 - 64).write_volatile(1) }
}

#[allow(unconditional_recursion)]
fn overflow(depth: u64) -> u64 {
    let frame = hint::black_box([depth; 64]);
    overflow(frame[3] + 1) + frame[5]
}

/// Starts a process that will die, and that writes its files to `dir`. It ends when its standard input
/// is closed.
fn start(dir: &Path, death: &str, mutant: bool) -> Child {
    fs::write(dir.join("progress"), [0; PROGRESS_BYTES]).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "mapped::faults::deaths::child",
            "--test-threads=1",
        ])
        .env(DIR, dir)
        .env(DEATH, death)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if mutant {
        command.env(MUTANT, "1");
    }
    command.spawn().unwrap()
}

/// Waits until the process has pushed a line.
fn wait_until_written(dir: &Path, child: &mut Child) {
    while progress(dir) == [0, 0] {
        assert_eq!(
            child.try_wait().unwrap(),
            None,
            "the child has not died by itself"
        );
        thread::yield_now();
    }
}

/// Lets a process die and checks the file that it left.
fn one_death(death: &str, mutant: bool, dice: &mut Dice) -> Findings {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path(), death, mutant);
    // `wait` would close the child's standard input.
    let stdin = child.stdin.take();
    if death == "kill" {
        wait_until_written(dir.path(), &mut child);
        thread::sleep(Duration::from_micros(dice.roll(15_000)));
        child.kill().unwrap();
    }
    assert!(!child.wait().unwrap().success(), "the child has not died");
    drop(stdin);
    findings(dir.path())
}

fn progress(dir: &Path) -> [u64; 2] {
    let bytes = fs::read(dir.join("progress")).unwrap();
    let (words, _) = bytes.as_chunks();
    [0, 1].map(|writer| u64::from_ne_bytes(words[writer]))
}

fn findings(dir: &Path) -> Findings {
    let told = progress(dir);
    let recovered = Recovered::claim(dir.join("ring")).unwrap();
    let recovered = recovered.expect("its owner is dead");
    let snapshot = recovered.snapshot();
    let mut findings = Findings {
        tries: 1,
        damaged: recovered.damaged_lines(),
        ..Findings::default()
    };
    let all = (told[0] + told[1]) as usize;
    let main = KEPT.min(snapshot.len());
    findings.lost += KEPT.min(all).saturating_sub(main) as u64;
    let older = snapshot.entries().take(snapshot.len() - main);
    let torn = older.filter(|entry| entry.class() != 1 || identify(entry.line()).is_none());
    findings.torn += torn.count() as u64;

    let mut last: [Option<u64>; 2] = [None; 2];
    for found in snapshot.lines().skip(snapshot.len() - main) {
        let Some((writer, number)) = identify(found) else {
            findings.torn += 1;
            continue;
        };
        if last[writer].is_some_and(|last| last + 1 != number) {
            findings.gaps += 1;
        }
        last[writer] = Some(number);
    }
    for (last, told) in last.into_iter().zip(told) {
        findings.lost += told.saturating_sub(last.map_or(0, |last| last + 1));
    }
    // Kept and evicted lines must add up to the lines pushed, except for the two that were being
    // pushed.
    let counted = snapshot.evicted() as usize + snapshot.len();
    if !(all..=all + 2).contains(&counted) {
        findings.lost += counted.abs_diff(all) as u64;
    }
    findings
}

fn campaign(death: &str, tries: usize) {
    let mut dice = Dice(tries as u64);
    let mut all = Findings::default();
    for _ in 0..tries {
        all += one_death(death, false, &mut dice);
    }
    println!("{death}: {all}");
    assert!(all.is_clean(), "{death}: {all}");
}

#[test]
fn a_kill_loses_nothing_and_tears_nothing() {
    campaign("kill", tries("TAILWRITER_KILLS", 50));
}

#[test]
fn other_deaths_lose_nothing_and_tear_nothing() {
    // On Windows, each fault starts a program that reports it, which takes seconds.
    let deaths: &[&str] = match cfg!(windows) {
        true => &["abort"],
        false => &["abort", "segfault", "overflow", "allocation"],
    };
    for death in deaths {
        campaign(death, tries("TAILWRITER_DEATHS", 4));
    }
}

/// An interrupted campaign must not leave a process that goes on writing.
#[test]
fn a_process_ends_with_its_parent() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path(), "kill", false);
    wait_until_written(dir.path(), &mut child);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

/// The same kills with lines that are published before they are written.
#[test]
fn a_wrong_order_of_commit_would_be_noticed() {
    let mut dice = Dice(0);
    let tries = tries("TAILWRITER_KILLS", 50).max(50);
    let mut caught = Findings::default();
    let mut caught_without_checksums = Findings::default();
    for _ in 0..tries {
        caught += one_death("kill", true, &mut dice);
        testing::IGNORE_CHECKSUMS.set(true);
        caught_without_checksums += one_death("kill", true, &mut dice);
        testing::IGNORE_CHECKSUMS.set(false);
        if tries == 50 && caught.damaged > 0 && caught_without_checksums.torn > 0 {
            break;
        }
    }
    println!("kill, published before written: {caught}");
    println!("kill, published before written, checksums ignored: {caught_without_checksums}");
    assert!(caught.damaged > 0 && caught.torn == 0, "{caught}");
    assert!(
        caught_without_checksums.torn > 0,
        "{caught_without_checksums}"
    );
}
