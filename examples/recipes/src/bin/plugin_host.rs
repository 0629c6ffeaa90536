//! A host that loads a plugin. The plugin is a `cdylib` with its own copies of `log` and std, so it
//! must pass its records and panics to the host's recorder itself.

use std::process::ExitCode;
use std::slice;

use flightrec::stackerr::{Error, ResultExt, err};
use libloading::{Library, Symbol};
use log::{Level, LevelFilter, Record};

type Log = extern "C" fn(u32, *const u8, usize, *const u8, usize);

/// Logs a record of the plugin.
extern "C" fn log_of_plugin(
    level: u32,
    target: *const u8,
    target_len: usize,
    message: *const u8,
    message_len: usize,
) {
    // SAFETY: the plugin passes texts that are valid during the call.
    let (target, message) = unsafe {
        (
            slice::from_raw_parts(target, target_len),
            slice::from_raw_parts(message, message_len),
        )
    };
    let level = Level::iter().nth((level as usize).saturating_sub(1));
    let target = String::from_utf8_lossy(target);
    let message = String::from_utf8_lossy(message);
    log::logger().log(
        &Record::builder()
            .level(level.unwrap_or(Level::Error))
            .target(&target)
            .args(format_args!("{message}"))
            .build(),
    );
}

fn work(path: &str, divisor: u32) -> Result<(), Error> {
    // SAFETY: the library has no initialisers.
    let library = unsafe { Library::new(path) }.context("cannot load the plugin")?;
    // Never unloaded: thread-locals of the plugin have destructors in the plugin.
    let library: &'static Library = Box::leak(Box::new(library));
    // SAFETY: the functions of the plugin have these types.
    unsafe {
        let connect: Symbol<'_, extern "C" fn(Log, u32)> = library.get(b"plugin_connect")?;
        let work: Symbol<'_, extern "C" fn(u32) -> i32> = library.get(b"plugin_work")?;
        connect(log_of_plugin, log::max_level() as u32);
        if work(divisor) != 0 {
            return Err(err!("the plugin failed"));
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let recorder = flightrec::builder("plugin_host")
        .console(LevelFilter::Off)
        .init();
    recorder.run(|| {
        let mut args = std::env::args().skip(1);
        let path = args.next().context("the path of a plugin is missing")?;
        let divisor = args.next().unwrap_or_default().parse()?;
        work(&path, divisor)
    })
}
