//! The peers.

mod crates;
mod go;
mod java;

/// An installed peer.
pub(crate) trait Peer {
    /// Does something that uses its handlers, and returns the result.
    fn work(&self) -> String;

    /// Calls the function from the peer's code.
    fn call(&self, function: extern "C" fn()) {
        function();
    }

    /// Ends the process in its own way.
    fn end(&self) {}
}

pub(crate) fn install(name: &str) -> Box<dyn Peer> {
    match name {
        "none" => Box::new(crates::NoPeer),
        "signal-hook" => Box::new(crates::SignalHook::install()),
        "sentry" => Box::new(crates::Sentry::install()),
        "color-eyre" => Box::new(crates::ColorEyre::install()),
        "crash-handler" => Box::new(crates::OtherCrashHandler::install()),
        "Go" => Box::new(go::Go::install()),
        "JVM" => Box::new(java::Jvm::install()),
        other => panic!("unknown peer {other:?}"),
    }
}
