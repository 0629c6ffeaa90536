//! The time-stamp counter of x86-64.
#![allow(unsafe_code)]

use std::arch::x86_64::{__cpuid, _mm_lfence, _rdtsc};
use std::sync::atomic::{AtomicU8, Ordering};

/// Whether the kernel uses the counter for its own clock. If that is not known, whether the counter
/// runs at one rate.
///
/// A kernel uses another clock if it has found that the counter stops, or that the counters of the
/// cores drift apart. Later calls return the answer of the first one.
pub(super) fn is_trusted() -> bool {
    const YES: u8 = 1;
    const NO: u8 = 2;
    // Not a `OnceLock`: a fork while it is being set would make the child hang. Relaxed: no other
    // memory depends on the answer, and two threads find the same one.
    static ANSWER: AtomicU8 = AtomicU8::new(0);
    match ANSWER.load(Ordering::Relaxed) {
        0 => {
            // CPUID comes last: in a virtual machine it takes longer than reading the file.
            let is_trusted = is_used_by_kernel().unwrap_or_else(is_invariant);
            ANSWER.store(if is_trusted { YES } else { NO }, Ordering::Relaxed);
            is_trusted
        }
        answer => answer == YES,
    }
}

/// Whether Linux uses the counter. `None` if that can't be read, and on other systems.
fn is_used_by_kernel() -> Option<bool> {
    const CURRENT: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let name = cfg!(target_os = "linux").then(|| std::fs::read(CURRENT))?;
    Some(is_tsc(&name.ok()?))
}

fn is_tsc(name: &[u8]) -> bool {
    name.trim_ascii() == b"tsc"
}

/// Whether the counter runs at one rate, whatever the processor's frequency and sleep states.
///
/// This is the "invariant TSC" of Intel's and AMD's manuals (CPUID 8000_0007h, EDX bit 8). If the bit
/// is set, operating systems start the counters of all cores together.
fn is_invariant() -> bool {
    const HIGHEST_EXTENDED: u32 = 0x8000_0000;
    const ADVANCED_POWER_MANAGEMENT: u32 = 0x8000_0007;
    // Only newer compilers know that this is safe.
    #[allow(unused_unsafe)]
    // SAFETY: every x86-64 processor has CPUID, which touches no memory.
    let cpuid = |leaf| unsafe { __cpuid(leaf) };
    cpuid(HIGHEST_EXTENDED).eax >= ADVANCED_POWER_MANAGEMENT
        && cpuid(ADVANCED_POWER_MANAGEMENT).edx & (1 << 8) != 0
}

/// Reads the counter, after everything that was loaded before.
///
/// A bare `rdtsc` may be carried out before an earlier load. A thread that has just read what another
/// thread wrote could then get a time before that write. LFENCE waits until all instructions before it
/// have completed.
#[inline]
pub(super) fn ordered() -> u64 {
    // SAFETY: LFENCE is part of SSE2, which every x86-64 processor has, and RDTSC of the base
    // architecture. Neither touches memory.
    unsafe {
        _mm_lfence();
        _rdtsc()
    }
}

/// Waits until the counter has been read: no later load is carried out before that.
pub(super) fn wait() {
    // SAFETY: LFENCE is part of SSE2, which every x86-64 processor has. It touches no memory.
    unsafe { _mm_lfence() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_counter_itself_is_the_counter() {
        assert!(is_tsc(b"tsc\n"));
        for other in [
            &b"hpet\n"[..],
            b"kvm-clock\n",
            b"acpi_pm\n",
            b"tsc-early\n",
            b"",
        ] {
            assert!(!is_tsc(other), "{}", other.escape_ascii());
        }
    }
}
