//! A binary that `symbolicate` and `doctor` are given.
#![no_main]

use flightrec_cli::fuzzing;
use flightrec_fuzz::{Meter, within};
use libfuzzer_sys::fuzz_target;
use stackerr::symbols::SymbolFile;

#[global_allocator]
static METER: Meter = Meter;

/// What may come of compressed sections, in bytes.
const INFLATED: usize = 1 << 20;

/// As documented of what is read, and what small files may take at most.
const BYTES_A_BYTE: usize = 64;
const SMALL: usize = 24 << 20;

/// Where the code of small binaries is, the seeds among them.
const ADDRESSES: std::ops::Range<u64> = 0x1000..0x3000;

const DUMP: &[u8] = br#"{"schema":"flightrec/1","modules":[{"name":"/bin/x"}],
    "stack_traces":[{"frames":[
        {"name":"<unknown>","address":"0x1101","module":"/bin/x"},
        {"name":"<unknown>","address":"0x1201","module":"/bin/x"},
        {"name":"<unknown>","address":"0xffffffffffffffff","module":"/bin/x"}]}]}"#;

fuzz_target!(|data: &[u8]| {
    let _ = fuzzing::doctor(data);
    let bytes = data.to_vec();
    let most = BYTES_A_BYTE * (data.len() + INFLATED) + SMALL;
    let names = within(most, || {
        let Ok(file) = SymbolFile::parse(bytes, INFLATED as u64) else {
            return 0;
        };
        let _ = (file.build_id(), file.debug_link(), file.has_debug_info());
        let Ok(symbols) = file.symbols() else {
            return 0;
        };
        let addresses: Vec<u64> = ADDRESSES
            .step_by(61)
            .chain([0, 1, u64::MAX, 1 << 63])
            .collect();
        let all = symbols.find_all(&addresses);
        assert_eq!(all.len(), addresses.len());
        // One alone may be found where all together were too much to read.
        for (address, together) in addresses.iter().zip(&all).step_by(20) {
            let alone = symbols.find(*address);
            assert!(alone == *together || together.len() <= alone.len());
        }
        all.iter().map(Vec::len).sum()
    });
    if names > 0 {
        let _ = fuzzing::symbolicate(DUMP, data.to_vec());
    }
});
