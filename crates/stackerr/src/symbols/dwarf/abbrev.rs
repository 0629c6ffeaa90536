//! `.debug_abbrev`: what the entries of a unit look like (7.5.3).

use super::constants::form;
use super::form::{Encoding, Spec, fixed_size};
use super::fuel::Fuel;
use crate::cursor::Cursor;

/// The abbreviations of a unit, or some of them.
#[derive(Default)]
pub(super) struct Abbrevs {
    /// The first has code 1, and so on, if `codes` is empty; it always is but in odd files.
    abbrevs: Vec<Abbrev>,
    codes: Vec<(u64, u32)>,
    specs: Vec<Spec>,
}

pub(super) struct Abbrev {
    /// 0 for what is too large to be one.
    pub(super) tag: u16,
    pub(super) has_children: bool,
    specs: (u32, u32),
    /// How many bytes all attributes take up together, if that is always the same.
    pub(super) size: Option<u32>,
}

impl Abbrevs {
    /// Reads a table, or of it only what is declared for the code `only`.
    pub(super) fn read(
        mut table: Cursor<'_>,
        encoding: Encoding,
        only: Option<u64>,
        fuel: &Fuel,
    ) -> Self {
        let mut read = Self::default();
        let mut is_odd = only.is_some();
        let mut codes = Vec::new();
        // Damage ends a table; what came before it is good.
        while let Some(code) = table.leb()
            && code != 0
        {
            if only.is_some_and(|only| only != code) {
                if skip(&mut table, fuel).is_none() {
                    break;
                }
                continue;
            }
            let Some(abbrev) = declaration(&mut table, encoding, &mut read.specs, fuel) else {
                break;
            };
            let index = read.abbrevs.len() as u32;
            if !is_odd && code != u64::from(index) + 1 {
                is_odd = true;
                codes.extend((0..index).map(|index| (u64::from(index) + 1, index)));
            }
            if is_odd {
                codes.push((code, index));
            }
            read.abbrevs.push(abbrev);
            if only.is_some() {
                break;
            }
        }
        super::sort(&mut codes);
        read.codes = codes;
        read
    }

    pub(super) fn get(&self, code: u64) -> Option<&Abbrev> {
        let index = if self.codes.is_empty() {
            code.checked_sub(1)?
        } else {
            let at = self.codes.partition_point(|&(other, _)| other < code);
            let &(found, index) = self.codes.get(at)?;
            if found != code {
                return None;
            }
            u64::from(index)
        };
        self.abbrevs.get(usize::try_from(index).ok()?)
    }

    pub(super) fn specs(&self, abbrev: &Abbrev) -> &[Spec] {
        let (start, end) = abbrev.specs;
        &self.specs[start as usize..end as usize]
    }
}

/// Reads over a declaration: those that come before a unit's root entry's are many, as are units.
fn skip(table: &mut Cursor<'_>, fuel: &Fuel) -> Option<()> {
    table.leb()?;
    table.byte()?;
    loop {
        fuel.burn(1)?;
        let name = table.leb()?;
        let form = table.leb()?;
        if (name, form) == (0, 0) {
            return Some(());
        }
        if form == u64::from(form::IMPLICIT_CONST) {
            table.signed_leb()?;
        }
    }
}

fn declaration(
    table: &mut Cursor<'_>,
    encoding: Encoding,
    specs: &mut Vec<Spec>,
    fuel: &Fuel,
) -> Option<Abbrev> {
    let tag = u16::try_from(table.leb()?).unwrap_or(0);
    let has_children = table.byte()? != 0;
    let start = specs.len();
    let mut size = Some(0u32);
    loop {
        fuel.burn(1)?;
        let name = table.leb()?;
        let form = table.leb()?;
        if (name, form) == (0, 0) {
            break;
        }
        let form = u16::try_from(form).ok()?;
        let spec = Spec {
            name: u16::try_from(name).unwrap_or(0),
            form,
            implicit: match form {
                form::IMPLICIT_CONST => table.signed_leb()?,
                _ => 0,
            },
        };
        let more = fixed_size(spec.form, encoding);
        size = size.and_then(|size| size.checked_add(more?));
        specs.push(spec);
    }
    Some(Abbrev {
        tag,
        has_children,
        specs: (u32::try_from(start).ok()?, u32::try_from(specs.len()).ok()?),
        size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENCODING: Encoding = Encoding {
        version: 4,
        address_size: 8,
        wide: false,
    };

    fn read(table: &[u8], only: Option<u64>) -> Abbrevs {
        Abbrevs::read(Cursor::new(table, false), ENCODING, only, &Fuel::of(0, 0))
    }

    fn tag(abbrevs: &Abbrevs, code: u64) -> Option<u16> {
        abbrevs.get(code).map(|abbrev| abbrev.tag)
    }

    #[test]
    fn any_order_of_codes() {
        let one = [1, 0x11, 1, 3, 0x08, 0x11, 0x01, 0, 0];
        let two = [2, 0x2e, 0, 0x11, 0x01, 0x12, 0x06, 0, 0];
        let far = [0x80, 0x80, 1, 0x1d, 0, 0, 0];
        for parts in [
            [&one[..], &two, &far],
            [&two, &far, &one],
            [&far, &two, &one],
        ] {
            let table = [&parts.concat()[..], &[0, 9, 9]].concat();
            let abbrevs = read(&table, None);
            let tags = [0, 1, 2, 3, 0x4000].map(|code| tag(&abbrevs, code));
            assert_eq!(tags, [None, Some(0x11), Some(0x2e), None, Some(0x1d)]);
            let function = abbrevs.get(2).unwrap();
            assert_eq!(
                (function.size, abbrevs.specs(function).len()),
                (Some(12), 2)
            );
            assert_eq!(abbrevs.get(1).unwrap().size, None);
            let only = read(&table, Some(2));
            assert_eq!(
                [1, 2, 0x4000].map(|code| tag(&only, code)),
                [None, Some(0x2e), None]
            );
            assert_eq!(only.specs.len(), 2);
        }
    }

    #[test]
    fn damage_ends_a_table() {
        let table = [1, 0x11, 1, 0, 0, 2, 0x2e, 0, 0x11];
        let abbrevs = read(&table, None);
        assert_eq!([1, 2].map(|code| tag(&abbrevs, code)), [Some(0x11), None]);
    }
}
