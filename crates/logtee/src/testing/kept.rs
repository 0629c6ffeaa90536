//! A sink that keeps the records, and a writer that keeps the bytes.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::Record;

use crate::owned_record::OwnedRecord;
use crate::sink::Sink;

/// A sink that keeps copies of the records; clones share them.
///
/// # Examples
///
/// ```
/// use log::{Level, LevelFilter, Log, Record};
/// use logtee::{Tee, testing::Memory};
///
/// let memory = Memory::new();
/// let tee = Tee::builder().sink(LevelFilter::Info, memory.clone()).build();
/// tee.log(&Record::builder().level(Level::Info).args(format_args!("kept")).build());
/// assert_eq!(memory.messages(), ["kept"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Vec<OwnedRecord>>>);

impl Memory {
    /// Creates an empty sink.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// The records so far, oldest first.
    pub fn records(&self) -> Vec<OwnedRecord> {
        self.lock().clone()
    }

    /// The messages so far, oldest first.
    pub fn messages(&self) -> Vec<String> {
        self.lock()
            .iter()
            .map(|record| record.message.clone())
            .collect()
    }

    /// Takes the records out.
    pub fn take(&self) -> Vec<OwnedRecord> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<OwnedRecord>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Memory {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        // The record is formatted before the lock is taken, because its `Display` may log.
        let record = OwnedRecord::capture(record);
        self.lock().push(record);
        Ok(())
    }
}

/// A writer that keeps the bytes; clones share them.
///
/// # Examples
///
/// ```
/// use log::Record;
/// use logtee::{Logfmt, Sink, WriteSink, testing::Bytes};
///
/// let bytes = Bytes::new();
/// let sink = WriteSink::new(Logfmt::new(), bytes.clone());
/// sink.emit(&Record::builder().args(format_args!("hello")).build())?;
/// assert!(bytes.text().ends_with("msg=\"hello\"\n"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    /// Creates an empty writer.
    pub fn new() -> Bytes {
        Bytes::default()
    }

    /// The bytes so far as text. Invalid UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
