//! The fingerprint of the completed stacks: the one that the unstripped program would have written.

use stackerr::Fingerprint;

use super::frames::Frame;
use super::modules::Modules;
use super::object::Object;

/// Gathers what the fingerprint is made of.
#[derive(Debug)]
pub(super) struct Prints<'a> {
    modules: &'a Modules,
    /// None once something is missing that it takes.
    print: Option<Fingerprint>,
    traces: usize,
}

impl<'a> Prints<'a> {
    pub(super) fn new(modules: &'a Modules) -> Prints<'a> {
        Prints {
            modules,
            print: Some(Fingerprint::new()),
            traces: 0,
        }
    }

    /// One of the stacks is not to be had.
    pub(super) fn give_up(&mut self) {
        self.print = None;
    }

    /// A stack, and its frames as they are now.
    pub(super) fn add(&mut self, trace: &Object, frames: &[Frame]) {
        // Null says that the type is not known; a dump of old does not say anything.
        let Some(error_type) = trace.get::<Option<String>>("error_type") else {
            return self.give_up();
        };
        let Some(print) = &mut self.print else { return };
        self.traces += 1;
        print.trace(error_type.as_deref());
        for frame in frames.iter().filter(|frame| !frame.is_noise()) {
            let module = frame.module.map(|number| &self.modules.list()[number]);
            let build_id = module.and_then(|module| module.build_id.as_deref());
            let module = build_id.or(frame.module_name());
            print.frame(frame.name(), module, frame.address().unwrap_or_default());
        }
    }

    /// The fingerprint; `None` if there was no stack, or not all of each.
    pub(super) fn finish(self) -> Option<String> {
        let print = self.print.filter(|_| self.traces > 0)?;
        Some(print.finish())
    }
}
