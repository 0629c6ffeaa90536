//! What differs between processors: numbers of registers, where a walk starts, and which return
//! addresses have to be cleaned.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::Registers;
#[cfg(target_arch = "aarch64")]
pub(super) use aarch64::{
    FIXED_RETURN_ADDRESS, FRAME_POINTER, RETURN_ADDRESS, SIGNAL_RETURN, STACK_POINTER,
    code_address, is_without_effect,
};
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::Registers;
#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{
    FIXED_RETURN_ADDRESS, FRAME_POINTER, RETURN_ADDRESS, SIGNAL_RETURN, STACK_POINTER,
    code_address, is_without_effect,
};
