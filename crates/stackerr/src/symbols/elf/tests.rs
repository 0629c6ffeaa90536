//! Small ELF files of each class and byte order.

use super::{Compression, Elf};

struct Writer {
    bytes: Vec<u8>,
    wide: bool,
    big: bool,
}

impl Writer {
    fn number(&mut self, size: usize, number: u64) {
        let mut bytes = number.to_le_bytes()[..size].to_vec();
        if self.big {
            bytes.reverse();
        }
        self.bytes.extend(bytes);
    }

    fn word(&mut self, number: u64) {
        self.number(if self.wide { 8 } else { 4 }, number);
    }
}

/// A file with those sections: name, type, flags, content and link. The names' comes last.
/// Whether the number of sections and the names' are in the first section, as if there were many.
fn file(
    wide: bool,
    big: bool,
    is_many: bool,
    sections: &[(&str, u64, u64, Vec<u8>, u64)],
) -> Vec<u8> {
    let mut names = vec![0];
    let mut contents: Vec<u8> = Vec::new();
    let mut headers = Vec::new();
    let start = if wide { 64 } else { 52 };
    let names_name = (".shstrtab", 3, 0, Vec::new(), 0);
    for (name, kind, flags, content, link) in sections.iter().chain([&names_name]) {
        let at = names.len() as u64;
        names.extend(name.as_bytes());
        names.push(0);
        let content = if *name == ".shstrtab" {
            &names
        } else {
            content
        };
        let offset = start + contents.len() as u64;
        headers.push((at, *kind, *flags, offset, content.len() as u64, *link));
        contents.extend(content);
    }
    let count = headers.len() as u64 + 1;
    let first = if is_many {
        (0, 0, 0, 0, count, count - 1)
    } else {
        (0, 0, 0, 0, 0, 0)
    };
    headers.insert(0, first);
    let mut writer = Writer {
        bytes: b"\x7fELF".to_vec(),
        wide,
        big,
    };
    let class = [1 + u8::from(wide), 1 + u8::from(big), 1];
    writer.bytes.extend(class);
    writer.bytes.resize(16, 0);
    writer.number(8, 0); // type, machine and version
    writer.word(0); // where it starts
    writer.word(0); // the program headers
    writer.word(start + contents.len() as u64);
    writer.number(8, 0);
    writer.number(2, 0);
    writer.number(2, if wide { 64 } else { 40 });
    writer.number(2, if is_many { 0 } else { count });
    writer.number(2, if is_many { 0xffff } else { count - 1 });
    assert_eq!(writer.bytes.len() as u64, start);
    writer.bytes.extend(contents);
    for (name, kind, flags, offset, size, link) in headers {
        writer.number(4, name);
        writer.number(4, kind);
        writer.word(flags);
        writer.word(0x1000); // the address
        writer.word(offset);
        writer.word(size);
        writer.number(4, link);
        writer.number(4, 0);
        writer.word(1);
        writer.word(0);
    }
    writer.bytes
}

/// Numbers and bytes in the order of a file.
fn content(wide: bool, big: bool, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer {
        bytes: Vec::new(),
        wide,
        big,
    };
    write(&mut writer);
    writer.bytes
}

fn notes(writer: &mut Writer) {
    for (owner, kind, note) in [("stapsdt", 3, &[7u8; 5][..]), ("GNU", 3, &[0xab, 0xcd])] {
        writer.number(4, owner.len() as u64 + 1);
        writer.number(4, note.len() as u64);
        writer.number(4, kind);
        for text in [owner.as_bytes(), note] {
            writer.bytes.extend(text);
            let end = text.len() + usize::from(text == owner.as_bytes());
            writer
                .bytes
                .resize(writer.bytes.len() + end.next_multiple_of(4) - text.len(), 0);
        }
    }
}

/// `a` at 0x10 to 0x20, twice as `b`; `c` without an end; what is no function, and none here.
fn symbols(writer: &mut Writer) {
    let all = [
        (1, 2, 1, 0x10, 0x10),
        (3, 2, 1, 0x10, 0x10),
        (5, 2, 1, 0x30, 0),
        (1, 1, 1, 0x18, 8),
        (1, 2, 0, 0x14, 8),
        (1, 2, 0xfff1, 0x14, 8),
        (0, 2, 1, 0x14, 8),
        (1 << 20, 2, 1, 0x14, 8),
    ];
    for (name, info, section, address, size) in all {
        writer.number(4, name);
        if !writer.wide {
            writer.word(address);
            writer.word(size);
        }
        writer.number(1, info);
        writer.number(1, 0);
        writer.number(2, section);
        if writer.wide {
            writer.word(address);
            writer.word(size);
        }
    }
}

fn each(check: impl Fn(bool, bool, bool)) {
    for n in 0..8 {
        check(n & 1 == 1, n & 2 == 2, n & 4 == 4);
    }
}

#[test]
fn all_classes_and_orders() {
    each(|wide, big, is_many| {
        let compressed = content(wide, big, |writer| {
            writer.number(4, 1);
            if wide {
                writer.number(4, 0);
            }
            writer.word(7);
            writer.word(1);
            writer.bytes.extend(b"zlib");
        });
        let old = b"ZLIB\0\0\0\0\0\0\x01\x02zlib".to_vec();
        let bytes = file(
            wide,
            big,
            is_many,
            &[
                (".note", 7, 0, content(wide, big, notes), 0),
                (".symtab", 2, 0, content(wide, big, symbols), 3),
                (".strtab", 3, 0, b"\0b\0a\0c\0".to_vec(), 0),
                (".debug_info", 1, 0, b"info".to_vec(), 0),
                (".debug_infos", 1, 0, b"more".to_vec(), 0),
                (".debug_line", 1, 0x800, compressed, 0),
                (".zdebug_str", 1, 0, old, 0),
                (".debug_addr", 8, 0, vec![], 0),
            ],
        );
        let elf = Elf::parse(&bytes).unwrap();
        assert_eq!(elf.build_id(), Some(&[0xab, 0xcd][..]));
        let names = [
            ".debug_info",
            ".debug_line",
            ".debug_str",
            ".debug_addr",
            ".debug_loc",
        ];
        let contents = elf.contents(names).map(|content| {
            content.map(|content| (content.data, content.compression, content.size))
        });
        assert!(
            contents
                == [
                    Some((&b"info"[..], Compression::None, 4)),
                    Some((b"zlib", Compression::Zlib, 7)),
                    Some((b"zlib", Compression::Zlib, 0x102)),
                    Some((b"", Compression::None, 0)),
                    None,
                ]
        );
        let addresses = [0xf, 0x10, 0x1f, 0x20, 0x30, 0x4000].map(|address| (address, 0));
        let functions = elf.functions(&addresses);
        let name = |name: &'static str| Some(name.as_bytes());
        assert_eq!(
            functions,
            [None, name("a"), name("a"), None, name("c"), name("c")]
        );
    });
}

#[test]
fn exported_functions_count_where_there_are_no_others() {
    each(|wide, big, is_many| {
        let exported = content(wide, big, symbols);
        let strings = b"\0b\0a\0c\0".to_vec();
        let bytes = |own: Vec<u8>| {
            file(
                wide,
                big,
                is_many,
                &[
                    (".dynsym", 11, 0, exported.clone(), 2),
                    (".dynstr", 3, 0, strings.clone(), 0),
                    (".symtab", 2, 0, own, 4),
                    (".strtab", 3, 0, b"\0x\0y\0z\0".to_vec(), 0),
                ],
            )
        };
        let found = |bytes: &[u8]| {
            let elf = Elf::parse(bytes).unwrap();
            elf.functions(&[(0x10, 0)])[0].map(<[u8]>::to_vec)
        };
        assert_eq!(found(&bytes(vec![])), Some(b"a".to_vec()));
        assert_eq!(found(&bytes(exported.clone())), Some(b"x".to_vec()));
    });
}

#[test]
fn damaged_headers() {
    each(|wide, big, is_many| {
        let bytes = file(wide, big, is_many, &[(".text", 1, 0, vec![0; 9], 0)]);
        assert!(Elf::parse(&bytes).is_some());
        for cut in 0..bytes.len() {
            assert!(Elf::parse(&bytes[..cut]).is_none(), "{cut}");
        }
        for (at, byte) in [(0, 0), (4, 0), (4, 3), (5, 0), (5, 3), (6, 0), (6, 2)] {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            assert!(Elf::parse(&bytes).is_none(), "{at} {byte}");
        }
    });
}
