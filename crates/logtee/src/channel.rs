//! Sends records to another thread.

use std::fmt;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use log::Record;

use crate::owned_record::OwnedRecord;
use crate::sink::Sink;

/// Makes a sink that sends copies of records to a receiver, and never waits for the receiver. If the
/// channel already holds `capacity` records, emitting another one returns an error, which a tee counts.
///
/// Use it to prevent a sink that may block from blocking the threads that log.
///
/// # Examples
///
/// ```
/// let (sink, records) = logtee::channel(1000);
/// let slow = std::thread::spawn(move || {
///     for record in records {
///         record.with_record(|record| eprintln!("{}", record.args()));
///     }
/// });
/// drop(sink); // the last record has been sent
/// slow.join().unwrap();
/// ```
pub fn channel(capacity: usize) -> (ChannelSink, Receiver<OwnedRecord>) {
    let (sender, receiver) = sync_channel(capacity);
    (ChannelSink(sender), receiver)
}

/// Sends records to another thread; made by [`channel`].
#[derive(Clone)]
pub struct ChannelSink(SyncSender<OwnedRecord>);

impl Sink for ChannelSink {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        let error = match self.0.try_send(OwnedRecord::capture(record)) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(_)) => io::Error::new(
                io::ErrorKind::WouldBlock,
                "the receiver of the log channel is too slow; a record is dropped",
            ),
            Err(TrySendError::Disconnected(_)) => io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the receiver of the log channel was dropped",
            ),
        };
        Err(error)
    }
}

impl fmt::Debug for ChannelSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelSink").finish_non_exhaustive()
    }
}
