//! Converts errors, stacks and modules to their form in a dump.

use flightrec_dump::{ErrorNode, Frame, Module, StackOrigin, Trace};
use stackerr::ErrorTree;

/// Converts an error with its causes. The recursion is bounded, because the depth of the tree is.
#[must_use]
pub fn error_node(tree: &ErrorTree) -> ErrorNode {
    let sources = tree.sources.iter().flat_map(|source| {
        // A span trace is not a cause, but it may have one.
        match stackerr::is_span_trace(&source.message) {
            true => source.sources.as_slice(),
            false => std::slice::from_ref(source),
        }
    });
    ErrorNode::new(tree.message.as_str(), tree.location.map(Into::into))
        .with_sources(sources.map(error_node).collect())
}

/// Converts a stack. `origin` replaces the stack's own origin. Looks up the names of functions if this
/// was not done before.
pub fn trace(stack: &stackerr::StackTrace, origin: Option<StackOrigin>) -> Trace {
    let mut trace = Trace::default();
    trace.error = stack.error().to_owned();
    trace.error_type = stack.type_name().map(str::to_owned);
    trace.origin = origin.unwrap_or_else(|| self::origin(stack.origin()));
    trace.frames = stack.frames().iter().map(frame).collect();
    trace.trail = stack.trail().iter().map(|&place| place.into()).collect();
    trace
}

fn origin(origin: stackerr::StackOrigin) -> StackOrigin {
    match origin {
        stackerr::StackOrigin::Conversion => StackOrigin::Conversion,
        stackerr::StackOrigin::Foreign => StackOrigin::Foreign,
        stackerr::StackOrigin::Panic => StackOrigin::Panic,
        stackerr::StackOrigin::Caller => StackOrigin::Caller,
        _ => StackOrigin::Creation,
    }
}

/// Converts a frame. Frames of the recorder are marked as noise, too.
pub fn frame(frame: &stackerr::Frame) -> Frame {
    let mut dumped = Frame::default();
    dumped.name = frame.name().to_owned();
    dumped.file = frame.file().map(str::to_owned);
    dumped.line = frame.line();
    dumped.column = frame.column();
    dumped.address = format!("{:#x}", frame.address());
    dumped.module = frame.module().map(str::to_owned);
    dumped.noise = frame.is_noise() || Frame::is_of_recorder(frame.name());
    dumped
}

/// Returns the executable, and the loaded modules for whose names `is_used` returns true.
pub fn modules(is_used: impl Fn(&str) -> bool) -> Vec<Module> {
    let mut modules = stackerr::modules();
    let mut is_executable = true;
    modules.retain(|module| std::mem::take(&mut is_executable) || is_used(module.name()));
    modules
        .iter()
        .map(|module| Module::new(module.name(), module.build_id().map(str::to_owned)))
        .collect()
}
