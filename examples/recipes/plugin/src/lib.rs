//! A plugin that the recipe `plugin_host` loads. It has its own copies of `log` and of the panic
//! hook, and passes their records to the host.

use std::panic;
use std::sync::OnceLock;

use log::{LevelFilter, Log, Metadata, Record};

/// The host's function that logs a record: the level from 1 (ERROR) to 5 (TRACE), then the target and
/// the message, each as pointer and length.
pub type HostLog = extern "C" fn(u32, *const u8, usize, *const u8, usize);

static HOST_LOG: OnceLock<HostLog> = OnceLock::new();

struct ToHost;

impl Log for ToHost {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if let Some(host_log) = HOST_LOG.get() {
            let (target, message) = (record.target(), record.args().to_string());
            let level = record.level() as u32;
            host_log(
                level,
                target.as_ptr(),
                target.len(),
                message.as_ptr(),
                message.len(),
            );
        }
    }

    fn flush(&self) {}
}

/// Connects the plugin to the host. The host's level is a number from 0 (off) to 5.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_connect(host_log: HostLog, max_level: u32) {
    if HOST_LOG.set(host_log).is_ok() && log::set_logger(&ToHost).is_ok() {
        let level = LevelFilter::iter().nth(max_level as usize);
        log::set_max_level(level.unwrap_or(LevelFilter::Off));
        panic::set_hook(Box::new(|info| log::error!("{info}")));
    }
}

/// Does the plugin's work. Returns 0, or 1 if it panicked: a panic must not unwind into the host.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_work(divisor: u32) -> i32 {
    log::debug!("dividing by {divisor}");
    match panic::catch_unwind(|| 100 / divisor) {
        Ok(quotient) => {
            log::info!("the quotient is {quotient}");
            0
        }
        Err(_) => 1,
    }
}
