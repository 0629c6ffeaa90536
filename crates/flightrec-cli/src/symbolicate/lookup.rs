//! The functions at the addresses of a stack, looked up many at a time: a look at one address
//! takes about as long as one at hundreds.

use std::cell::RefCell;
use std::collections::HashMap;
use std::vec::IntoIter;

use stackerr::symbols::{Symbol, Symbols};

/// Addresses that are looked up at once. A stack may have any number of them, and what is known
/// of each is kilobytes.
const AT_ONCE: usize = 500;

/// An address in the n-th module.
pub(super) type Place = (usize, u64);

/// For one stack, whose addresses are asked for in their order.
pub(super) struct Lookup<'a> {
    symbols: &'a [Vec<Symbols<'a>>],
    ahead: RefCell<IntoIter<Place>>,
    known: RefCell<HashMap<Place, Vec<Symbol>>>,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(symbols: &'a [Vec<Symbols<'a>>], places: Vec<Place>) -> Lookup<'a> {
        Lookup {
            symbols,
            ahead: RefCell::new(places.into_iter()),
            known: RefCell::default(),
        }
    }

    pub(super) fn find(&self, place: Place) -> Vec<Symbol> {
        let mut known = self.known.borrow_mut();
        if !known.contains_key(&place) {
            known.clear();
            let mut places: Vec<Place> = self.ahead.borrow_mut().by_ref().take(AT_ONCE).collect();
            // It is the first of them, unless it comes once more.
            places.push(place);
            places.sort_unstable();
            places.dedup();
            for places in places.chunk_by(|a, b| a.0 == b.0) {
                known.extend(places.iter().copied().zip(self.find_all(places)));
            }
        }
        known.get(&place).cloned().unwrap_or_default()
    }

    /// The functions at places in one and the same module.
    fn find_all(&self, places: &[Place]) -> Vec<Vec<Symbol>> {
        let addresses: Vec<u64> = places.iter().map(|&(_, address)| address).collect();
        let mut best = vec![Vec::new(); addresses.len()];
        for symbols in &self.symbols[places[0].0] {
            for (best, found) in best.iter_mut().zip(symbols.find_all(&addresses)) {
                // A file with lines before one that has functions' names alone.
                if worth(&found) >= worth(best) {
                    *best = found;
                }
            }
        }
        best
    }
}

fn worth(found: &[Symbol]) -> (usize, usize) {
    let lines = found.iter().filter(|symbol| symbol.file().is_some());
    (lines.count(), found.len())
}
