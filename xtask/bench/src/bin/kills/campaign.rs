//! Kills one child after another.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::child::{self, Pace, WRITERS};
use crate::peers::Peer;
use crate::verdict::judge;

/// A child counts as hung if a thread has not logged a burst by then.
const PATIENCE: Duration = Duration::from_secs(5);
/// Average time per kill. Kills that do not fit are left out, and the table shows their number.
const TIME: Duration = Duration::from_millis(100);
/// A child is killed at most this many microseconds after each of its threads logged a burst.
const LIFE_MICROS: u64 = 20_000;

#[derive(Default)]
pub(crate) struct Campaign {
    kills: u32,
    losing: u32,
    most_lost: u64,
    pub(crate) torn: u64,
    pub(crate) hung: u32,
}

impl Campaign {
    /// "3 of 100 (17)".
    pub(crate) fn losses(&self) -> String {
        format!("{} of {} ({})", self.losing, self.kills, self.most_lost)
    }
}

pub(crate) fn run(peer: &Peer, pace: Pace, kills: u32) -> io::Result<Campaign> {
    let mut campaign = Campaign::default();
    let mut dice = Dice(u64::from(kills));
    let end = Instant::now() + TIME * kills;
    while campaign.kills < kills && Instant::now() < end {
        campaign.kills += 1;
        kill_one(peer, pace, dice.roll(LIFE_MICROS), &mut campaign)?;
    }
    Ok(campaign)
}

fn kill_one(peer: &Peer, pace: Pace, after: u64, campaign: &mut Campaign) -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut child = Command::new(std::env::current_exe()?)
        .args([child::FLAG, peer.name, pace.name()])
        .arg(dir.path())
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let pipe = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let (all_log, wait) = mpsc::channel();
    let told = thread::spawn(move || listen(pipe, &all_log));

    let logs = does_log(&wait);
    if logs {
        thread::sleep(Duration::from_micros(after));
    }
    child.kill()?;
    child.wait()?;
    let told = told
        .join()
        .map_err(|_| io::Error::other("the reader of reports panicked"))?;
    if !logs {
        campaign.hung += 1;
        return Ok(());
    }
    let verdict = judge(told, &(peer.read)(dir.path())?, peer.keeps);
    campaign.losing += u32::from(verdict.lost > 0);
    campaign.most_lost = campaign.most_lost.max(verdict.lost);
    campaign.torn += verdict.torn;
    Ok(())
}

fn does_log(wait: &Receiver<()>) -> bool {
    wait.recv_timeout(PATIENCE).is_ok()
}

/// Reads the reports until the child is dead: all of them count.
fn listen(pipe: impl Read, all_log: &Sender<()>) -> [u64; WRITERS] {
    let mut told = [0; WRITERS];
    let mut is_first = true;
    for line in BufReader::new(pipe).lines().map_while(Result::ok) {
        if let Some((writer, count)) = child::reported(&line) {
            told[writer] = count;
        }
        if is_first && !told.contains(&0) {
            is_first = false;
            // The receiver is gone if the child took too long.
            let _ = all_log.send(());
        }
    }
    told
}

/// A random number generator: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % sides
    }
}
