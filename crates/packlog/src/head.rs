//! The metadata of an event or a span: level, target, place and span id.

use std::num::NonZeroU64;

use log::{Level, Record};

/// The metadata of an event or a span. The message and the fields follow it.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    pub(crate) level: Level,
    pub(crate) target: &'a str,
    pub(crate) module: Option<&'a str>,
    pub(crate) file: Option<&'a str>,
    pub(crate) line: Option<u32>,
    /// Module and file, if both are static.
    pub(crate) static_place: Option<(&'static str, &'static str)>,
    pub(crate) span: Option<NonZeroU64>,
}

impl<'a> Head<'a> {
    /// Makes the head of an event without a place and outside of spans.
    #[must_use]
    pub const fn new(level: Level, target: &'a str) -> Head<'a> {
        Head {
            level,
            target,
            module: None,
            file: None,
            line: None,
            static_place: None,
            span: None,
        }
    }

    /// Sets the module path and the source file.
    #[must_use = "returns the changed head"]
    pub const fn place(mut self, module: Option<&'a str>, file: Option<&'a str>) -> Head<'a> {
        self.module = module;
        self.file = file;
        self
    }

    /// Sets the module path and the source file. Static names are cheaper to pack than those of
    /// [`place`](Head::place).
    #[must_use = "returns the changed head"]
    pub const fn static_place(
        mut self,
        module: Option<&'static str>,
        file: Option<&'static str>,
    ) -> Head<'a> {
        if let (Some(module), Some(file)) = (module, file) {
            self.static_place = Some((module, file));
        }
        self.place(module, file)
    }

    /// Sets the line in the source file, from 1.
    #[must_use = "returns the changed head"]
    pub const fn line(mut self, line: Option<u32>) -> Head<'a> {
        self.line = line;
        self
    }

    /// Sets the id of the span in which the event happened. For a span, this is its own id.
    #[must_use = "returns the changed head"]
    pub const fn span(mut self, id: Option<NonZeroU64>) -> Head<'a> {
        self.span = id;
        self
    }

    pub(crate) fn of(record: &Record<'a>) -> Head<'a> {
        let place = record.module_path_static().zip(record.file_static());
        Head {
            static_place: place,
            ..Head::new(record.level(), record.target())
                .place(record.module_path(), record.file())
                .line(record.line())
        }
    }
}
