//! syslog: its own format, and a datagram socket as the sink.
//!
//! `cargo run -p logtee --example syslog`

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::os::unix::net::UnixDatagram;

    use log::{Level, LevelFilter, Record};
    use logtee::{Format, Logfmt, Tee};

    let socket = UnixDatagram::unbound()?;
    let syslog = logtee::from_fn(move |record: &Record<'_>| {
        // RFC 3164: facility 1 (user), and the severity.
        let severity = match record.level() {
            Level::Error => 3,
            Level::Warn => 4,
            Level::Info => 6,
            Level::Debug | Level::Trace => 7,
        };
        let mut line = format!("<{}>example: ", 8 + severity).into_bytes();
        Logfmt::new().format(record, &mut line)?;
        socket.send_to(&line, "/dev/log").map(drop)
    });
    // Without syslog, records go to the console.
    let sink = logtee::failover()
        .sink(syslog)
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
