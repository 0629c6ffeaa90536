//! The symbol tables and the debug information in the files of the loaded modules.
//!
//! Debug information in files of its own (`.debug`, `.dwp`, `.dwo`) is not looked for: it would
//! cost tens of megabytes for the system's libraries, and a dump can be completed elsewhere.

use super::mapped;
use crate::symbols::{Elf, Sections, Symbol, Tables, inflate};
use stackwalk::Module;
use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

/// To find names takes some milliseconds, and where there are gigabytes of debug information some
/// more.
const PATIENCE: Duration = Duration::from_secs(2);

/// The modules that stacks went through.
static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

struct Known {
    key: Key,
    /// In the file, which is mapped and stays so; none if that file is of no use.
    tables: Option<Tables<'static>>,
    /// By address: stacks of one program have most of their outer functions in common.
    found: Vec<(u64, Vec<Symbol>)>,
}

/// A module by path and place: another library may be loaded where one was.
#[derive(PartialEq, Eq)]
struct Key {
    path: String,
    base: usize,
    build_id: Option<String>,
}

/// More bytes than this in one compressed section are taken for damage.
const MAX_SECTION: u64 = 2 << 30;

/// Addresses of a module whose functions are kept, about a kilobyte each.
const MAX_FOUND: usize = 500;

/// The functions at each of the return addresses in a module, the innermost first; an empty list
/// if nothing is known of any.
///
/// One thread at a time: whoever else wants names waits, and goes without if that takes too long.
pub(super) fn find(
    module: Option<&Module>,
    is_executable: bool,
    ips: &[usize],
) -> Vec<Vec<Symbol>> {
    let Some(module) = module else {
        return Vec::new();
    };
    let key = Key {
        path: module.name().to_owned(),
        base: module.base(),
        build_id: module.build_id().map(str::to_owned),
    };
    let Some(mut known) = lock(&KNOWN, PATIENCE) else {
        return Vec::new();
    };
    let index = known.iter().position(|known| known.key == key);
    let index = index.unwrap_or_else(|| {
        known.push(Known {
            key,
            tables: read(module, is_executable),
            found: Vec::new(),
        });
        known.len() - 1
    });
    // The call is before the address it returns to.
    let address = |ip: &usize| ip.wrapping_sub(module.base()).wrapping_sub(1) as u64;
    known[index].find(&ips.iter().map(address).collect::<Vec<_>>())
}

/// Not without end: in a forked child the thread that held it may not exist.
fn lock<T>(mutex: &Mutex<T>, patience: Duration) -> Option<MutexGuard<'_, T>> {
    let start = Instant::now();
    loop {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if start.elapsed() > patience => return None,
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

impl Known {
    fn find(&mut self, addresses: &[u64]) -> Vec<Vec<Symbol>> {
        let Some(tables) = &self.tables else {
            return Vec::new();
        };
        let mut found = addresses.iter();
        if !found.all(|&address| self.place(address).is_ok()) {
            if self.found.len() + addresses.len() > MAX_FOUND {
                self.found.clear();
            }
            let mut new = addresses.to_vec();
            new.retain(|&address| self.place(address).is_err());
            for (address, symbols) in new.iter().zip(tables.find(&new)) {
                // An address may be there twice.
                if let Err(place) = self.place(*address) {
                    self.found.insert(place, (*address, symbols));
                }
            }
        }
        let found = addresses.iter().filter_map(|&address| {
            let place = self.place(address).ok()?;
            Some(self.found[place].1.clone())
        });
        found.collect()
    }

    fn place(&self, address: u64) -> Result<usize, usize> {
        self.found
            .binary_search_by(|(other, _)| other.cmp(&address))
    }
}

fn read(module: &Module, is_executable: bool) -> Option<Tables<'static>> {
    // The executable's own path may lead to another file by now.
    let path = if is_executable {
        "/proc/self/exe"
    } else {
        module.name()
    };
    let elf = Elf::parse(mapped::map(path)?)?;
    // A library that was replaced on the disk since it was loaded names other functions.
    if let (Some(loaded), Some(on_disk)) = (module.build_id(), elf.build_id())
        && !loaded.eq_ignore_ascii_case(&crate::symbols::hex(on_disk))
    {
        return None;
    }
    let contents = elf.contents(Sections::NAMES);
    let mut sections: [&[u8]; _] = [&[]; Sections::NAMES.len()];
    for (section, content) in sections.iter_mut().zip(&contents) {
        match content
            .as_ref()
            .and_then(|content| inflate(content, MAX_SECTION))
        {
            Some(Cow::Borrowed(bytes)) => *section = bytes,
            // Inflated once, and then kept for good.
            Some(Cow::Owned(bytes)) => *section = Vec::leak(bytes),
            None => {}
        }
    }
    Some(Tables::new(elf, sections))
}

#[cfg(test)]
mod tests {
    use super::lock;
    use std::sync::Mutex;
    use std::time::Duration;

    #[test]
    fn nobody_waits_for_names_without_end() {
        let mutex = Mutex::new(());
        let held = mutex.lock().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(lock(&mutex, Duration::from_millis(5)).is_none()));
        });
        drop(held);
        assert!(lock(&mutex, Duration::ZERO).is_some());
    }
}
