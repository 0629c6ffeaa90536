//! The time-stamp counter of x86-64.
#![allow(unsafe_code)]

use std::arch::x86_64::{__cpuid, _mm_lfence, _rdtsc};

/// Whether the counter runs at one rate, whatever the processor's frequency and sleep states.
///
/// That is the "invariant TSC" of Intel's and AMD's manuals (CPUID 8000_0007h, EDX bit 8); where
/// it is set, operating systems start the counters of all cores together.
pub(super) fn is_invariant() -> bool {
    const HIGHEST_EXTENDED: u32 = 0x8000_0000;
    const ADVANCED_POWER_MANAGEMENT: u32 = 0x8000_0007;
    // Newer compilers take the question for safe, older ones do not.
    #[allow(unused_unsafe)]
    // SAFETY: every x86-64 processor has CPUID, which touches no memory.
    let cpuid = |leaf| unsafe { __cpuid(leaf) };
    cpuid(HIGHEST_EXTENDED).eax >= ADVANCED_POWER_MANAGEMENT
        && cpuid(ADVANCED_POWER_MANAGEMENT).edx & (1 << 8) != 0
}

/// Reads the counter, after everything that was loaded before.
///
/// A bare `rdtsc` may be carried out before an earlier load: a thread that has just seen what
/// another one wrote could then read a time before it was written. LFENCE waits until all
/// instructions before it have completed.
#[inline]
pub(super) fn ordered() -> u64 {
    // SAFETY: LFENCE is part of SSE2, which every x86-64 processor has, and RDTSC of the base
    // architecture. Neither touches memory.
    unsafe {
        _mm_lfence();
        _rdtsc()
    }
}

/// Waits until the counter has been read, so that no load after this is carried out before that.
pub(super) fn wait() {
    // SAFETY: LFENCE is part of SSE2, which every x86-64 processor has. It touches no memory.
    unsafe { _mm_lfence() }
}
