//! The modules of a dump, which its addresses are relative to.

use std::collections::HashMap;

use flightrec_dump::Module;

/// The modules of a dump, the executable first.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    list: Vec<Module>,
    /// By name. `None` if several modules have the name: a frame has only the name.
    by_name: HashMap<String, Option<usize>>,
}

impl Modules {
    pub(crate) fn new(list: Vec<Module>) -> Modules {
        let mut by_name = HashMap::new();
        for (number, module) in list.iter().enumerate() {
            by_name
                .entry(module.name.clone())
                .and_modify(|number| *number = None)
                .or_insert(Some(number));
        }
        Modules { list, by_name }
    }

    pub(crate) fn list(&self) -> &[Module] {
        &self.list
    }

    /// The number of the module that a frame names.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        *self.by_name.get(name)?
    }
}

/// The last part of the path of a module.
pub(crate) fn file_name(module: &Module) -> &str {
    let name = module.name.as_str();
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// Whether a module has this build-id.
pub(crate) fn has_build_id(module: &Module, id: &str) -> bool {
    let own = module.build_id.as_deref();
    own.is_some_and(|own| own.eq_ignore_ascii_case(id))
}
