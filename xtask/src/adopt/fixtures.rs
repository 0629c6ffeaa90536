//! The files that the programs work on.

use std::fs;
use std::path::Path;

use anyhow::Result;

/// Writes a small directory of text, pictures (one is broken), and a large directory of text.
pub(super) fn make(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir.join("small"))?;
    for (name, text) in [
        ("a.rs", "fn main() {}\nstruct A;\n"),
        ("b.rs", "// fn of a comment\n"),
        ("c.txt", "nothing\n"),
    ] {
        fs::write(dir.join("small").join(name), text)?;
    }
    fs::write(dir.join("good.png"), picture(200, 200))?;
    fs::write(dir.join("tiny.png"), picture(8, 8))?;
    fs::write(dir.join("large.png"), picture(1_000, 1_000))?;
    fs::write(dir.join("bad.png"), "this is not a picture")?;
    for number in 0..40 {
        let below = dir.join("large").join(number.to_string());
        fs::create_dir_all(&below)?;
        for file in 0..50 {
            let line = format!("line of file {file} in {number}, without what is searched for\n");
            fs::write(below.join(format!("{file}.txt")), line.repeat(400))?;
        }
    }
    Ok(())
}

/// An uncompressed PNG with a pattern.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    // Eight bits, RGB, and the only defined methods.
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut png, b"IHDR", &header);
    let mut pixels = Vec::new();
    for y in 0..height {
        // No filter.
        pixels.push(0);
        for x in 0..width {
            pixels.extend([x as u8, y as u8, (x * y) as u8]);
        }
    }
    chunk(&mut png, b"IDAT", &stored(&pixels));
    chunk(&mut png, b"IEND", &[]);
    png
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let covered = [kind, data].concat();
    png.extend(&covered);
    png.extend(crc(&covered).to_be_bytes());
}

/// A zlib stream without compression.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks: Vec<_> = data.chunks(0xFFFF).collect();
    for (index, block) in blocks.iter().enumerate() {
        let len = block.len() as u16;
        stream.push(u8::from(index + 1 == blocks.len()));
        stream.extend(len.to_le_bytes());
        stream.extend((!len).to_le_bytes());
        stream.extend(*block);
    }
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |mut crc: u32, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
        crc
    })
}
