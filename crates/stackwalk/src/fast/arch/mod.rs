//! Differences between processors: the numbers of registers, the start of a walk, and whether return
//! addresses have signatures.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(super) use aarch64::{
    FIXED_RETURN_ADDRESS, FRAME_POINTER, RETURN_ADDRESS, SIGNAL_RETURN, STACK_POINTER,
    code_address, is_without_effect,
};
#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{
    FIXED_RETURN_ADDRESS, FRAME_POINTER, RETURN_ADDRESS, SIGNAL_RETURN, STACK_POINTER,
    code_address, is_without_effect,
};

/// The registers from which unwinding starts. Their function has not returned yet, and has saved its
/// return address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers {
    /// `rip` or `pc`: the instruction itself, not a return address.
    pub(crate) ip: u64,
    pub(crate) sp: u64,
    /// The frame pointer: `rbp` or `x29`.
    pub(crate) bp: u64,
}
