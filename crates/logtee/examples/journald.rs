//! journald: its native protocol, which keeps key-values.
//!
//! `cargo run -p logtee --example journald`

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::os::unix::net::UnixDatagram;

    use log::{Level, LevelFilter, Record};
    use logtee::{OwnedRecord, Tee};

    /// Writes a field: its name, its length in binary, and its unchanged value.
    fn field(datagram: &mut Vec<u8>, name: &str, value: &str) {
        datagram.extend_from_slice(name.as_bytes());
        datagram.push(b'\n');
        datagram.extend_from_slice(&(value.len() as u64).to_le_bytes());
        datagram.extend_from_slice(value.as_bytes());
        datagram.push(b'\n');
    }

    /// A name of upper-case letters, digits and underscores that begins with a letter.
    fn name(key: &str) -> String {
        let upper = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        let name: String = key.chars().map(upper).collect();
        format!("F_{name}")
    }

    let socket = UnixDatagram::unbound()?;
    let journald = logtee::from_fn(move |record: &Record<'_>| {
        let priority = match record.level() {
            Level::Error => "3",
            Level::Warn => "4",
            Level::Info => "6",
            Level::Debug | Level::Trace => "7",
        };
        let record = OwnedRecord::capture(record);
        let mut datagram = Vec::new();
        field(&mut datagram, "PRIORITY", priority);
        field(&mut datagram, "MESSAGE", &record.message);
        field(&mut datagram, "TARGET", &record.target);
        if let (Some(file), Some(line)) = (&record.file, record.line) {
            field(&mut datagram, "CODE_FILE", file);
            field(&mut datagram, "CODE_LINE", &line.to_string());
        }
        for (key, value) in &record.fields {
            field(&mut datagram, &name(key), &value.to_string());
        }
        socket
            .send_to(&datagram, "/run/systemd/journal/socket")
            .map(drop)
    });
    // Without journald, records go to the console.
    let sink = logtee::failover()
        .sink(journald)
        .sink(logtee::stderr())
        .build();
    Tee::builder().sink(LevelFilter::Info, sink).install()?;
    log::warn!(disk = "sda"; "almost full");
    Ok(())
}

#[cfg(not(unix))]
fn main() {
    println!("this example needs Unix");
}
