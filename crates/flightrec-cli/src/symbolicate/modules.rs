//! What the frames of a dump lie in.

use std::collections::HashMap;

use super::object::Object;

/// An executable or shared object of the dump.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) build_id: Option<String>,
}

impl Module {
    /// Its path's last part.
    pub(crate) fn file_name(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or(&self.name)
    }

    /// Whether its build-id is that one.
    pub(crate) fn has_build_id(&self, id: &str) -> bool {
        let own = self.build_id.as_deref();
        own.is_some_and(|own| own.eq_ignore_ascii_case(id))
    }
}

/// The modules of a dump, the executable first.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    list: Vec<Module>,
    /// By name; none if several share it, since a frame can't tell them apart.
    by_name: HashMap<String, Option<usize>>,
}

impl Modules {
    pub(crate) fn of(dump: &Object) -> Modules {
        let mut modules = Modules::default();
        for object in dump.get::<Vec<Object>>("modules").unwrap_or_default() {
            if let Some(name) = object.get::<String>("name") {
                modules.add(name, object.get("build_id"));
            }
        }
        modules
    }

    fn add(&mut self, name: String, build_id: Option<String>) {
        let number = self.list.len();
        self.by_name
            .entry(name.clone())
            .and_modify(|number| *number = None)
            .or_insert(Some(number));
        self.list.push(Module { name, build_id });
    }

    pub(crate) fn list(&self) -> &[Module] {
        &self.list
    }

    /// The number of the module that a frame names.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        *self.by_name.get(name)?
    }
}
