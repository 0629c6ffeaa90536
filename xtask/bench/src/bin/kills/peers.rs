//! The loggers, set up as in their documentation, and readers of their logs.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use faultbox::shared_ring::SharedRing;
use tailwriter::{Recovered, SharedTail};

/// The capacity of a ring in lines.
pub(crate) const KEPT: usize = 1_000;

/// Logs a line.
pub(crate) type Log = Box<dyn Fn(&str) + Sync>;

pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) keeps: Keeps,
    /// In the child: makes the log in its directory.
    pub(crate) start: fn(&Path) -> Log,
    /// After the child's end: the lines, each with the logger's prefix.
    pub(crate) read: fn(&Path) -> io::Result<Vec<String>>,
}

/// Which lines the log must have.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Keeps {
    All,
    Last(usize),
}

pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "tailwriter MappedTail",
        keeps: Keeps::Last(KEPT),
        start: mapped_tail,
        read: read_mapped_tail,
    },
    Peer {
        name: "faultbox 0.1 shared ring",
        keeps: Keeps::Last(KEPT),
        start: faultbox,
        read: read_faultbox,
    },
    Peer {
        name: "tracing-appender 0.2 non-blocking",
        keeps: Keeps::All,
        start: tracing_appender,
        read: read_file,
    },
    Peer {
        name: "captains-log 0.16 ring file",
        keeps: Keeps::Last(KEPT),
        start: captains_log,
        read: read_file,
    },
    Peer {
        name: "a file, one write(2) per line",
        keeps: Keeps::All,
        start: plain_file,
        read: read_file,
    },
];

impl Peer {
    pub(crate) fn named(name: &str) -> Option<&'static Peer> {
        PEERS.iter().find(|peer| peer.name == name)
    }
}

const RING: &str = "ring";
const FILE: &str = "log";

fn mapped_tail(dir: &Path) -> Log {
    let tail = SharedTail::builder()
        .max_lines(KEPT)
        .build_mapped(dir.join(RING))
        .expect("the directory is new");
    Box::new(move |line| tail.push(line.as_bytes()))
}

fn read_mapped_tail(dir: &Path) -> io::Result<Vec<String>> {
    let recovered = Recovered::claim(dir.join(RING))?
        .ok_or_else(|| io::Error::other("the ring of a dead process is locked"))?;
    Ok(recovered.snapshot().lines().map(lossy).collect())
}

fn faultbox(dir: &Path) -> Log {
    let ring = SharedRing::open(dir.join(RING), KEPT).expect("the directory is new");
    let config = faultbox::Config::new("kills", "0", dir.join("reports"));
    faultbox::init(config.shared_ring(Arc::new(ring)));
    Box::new(|line| faultbox::breadcrumb!(Info, "kills", line))
}

fn read_faultbox(dir: &Path) -> io::Result<Vec<String>> {
    let ring = SharedRing::join(dir.join(RING))?
        .ok_or_else(|| io::Error::other("faultbox cannot read its ring"))?;
    let crumbs = ring.snapshot().into_iter();
    Ok(crumbs.map(|crumb| crumb.message).collect())
}

fn tracing_appender(dir: &Path) -> Log {
    let file = tracing_appender::rolling::never(dir, FILE);
    let (writer, guard) = tracing_appender::non_blocking(file);
    tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .init();
    Box::new(move |line| {
        // The guard lives as long as the log.
        let _ = &guard;
        tracing::info!("{line}");
    })
}

/// Keeps its ring in memory, and writes it to the file at a signal that can be caught, or when a
/// thread panics. The size is in bytes per thread; this is the documentation's value, with room for
/// many times the lines.
fn captains_log(dir: &Path) -> Log {
    use captains_log::{Level, recipe, signal_consts};
    recipe::ring_file(
        dir.join(FILE),
        1024 * 1024,
        Level::Info,
        signal_consts::SIGHUP,
    )
    .build()
    .expect("this process has no logger yet");
    Box::new(|line| log::info!("{line}"))
}

fn plain_file(dir: &Path) -> Log {
    let file = File::create_new(dir.join(FILE)).expect("the directory is new");
    Box::new(move |line| {
        let line = format!("{line}\n");
        (&file)
            .write_all(line.as_bytes())
            .expect("the file is writable");
    })
}

/// The lines of the file that end with a newline; a reader notices that a last line without one is
/// incomplete.
fn read_file(dir: &Path) -> io::Result<Vec<String>> {
    let bytes = match fs::read(dir.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        bytes => bytes?,
    };
    let whole = bytes.split_inclusive(|byte| *byte == b'\n');
    Ok(whole
        .filter_map(|line| line.strip_suffix(b"\n"))
        .map(lossy)
        .collect())
}

fn lossy(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}
