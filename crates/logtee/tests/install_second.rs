//! Installs a tee although there is a logger already.

use log::LevelFilter;
use logtee::Tee;
use logtee::testing::{Bytes, Memory};

#[test]
fn the_first_logger_and_its_level_are_unchanged() {
    let bytes = Bytes::new();
    env_logger::Builder::new()
        .filter_level(LevelFilter::Info)
        .target(env_logger::Target::Pipe(Box::new(bytes.clone())))
        .init();
    let (filter, handle) = logtee::adjustable(LevelFilter::Trace);
    let memory = Memory::new();
    let error = Tee::builder().sink(filter, memory.clone()).install();
    assert_eq!(
        error.unwrap_err().to_string(),
        "cannot install the tee: this process has a logger already, which is not a Tee, and `log` \
         allows only one; look for a call such as `env_logger::init()` or `log::set_logger`, \
         remove it, and pass that logger to the Tee as a sink"
    );
    assert_eq!(logtee::global::max_level_override(), None);
    handle.set(LevelFilter::Debug);
    assert_eq!(log::max_level(), LevelFilter::Info);
    assert!(logtee::global::installed().is_none());
    log::info!("to env_logger");
    assert!(bytes.text().contains("to env_logger"));
    assert!(memory.messages().is_empty());
}
