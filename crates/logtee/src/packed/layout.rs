//! Where what lies in a packed record. All numbers are little-endian.
//!
//! ```text
//!  0  version u8, level u8, flags u16, line u32
//!  8  target, module path, file: a length or an interned number, u16 each
//! 14  message length u16, fields length u16, thread name length u8, reserved u8
//! 20  thread name, module path, target, file (those not given otherwise), message, fields
//! ```

/// Raised when the layout changes: bytes in a file may be older than the program reading them.
pub(crate) const VERSION: u8 = 1;

pub(crate) const HEADER: usize = 20;

pub(crate) const AT_LEVEL: usize = 1;
pub(crate) const AT_FLAGS: usize = 2;
pub(crate) const AT_LINE: usize = 4;
pub(crate) const AT_TARGET: usize = 8;
pub(crate) const AT_MODULE: usize = 10;
pub(crate) const AT_FILE: usize = 12;
pub(crate) const AT_MESSAGE: usize = 14;
pub(crate) const AT_FIELDS: usize = 16;
pub(crate) const AT_THREAD: usize = 18;

pub(crate) mod flag {
    /// The message or a field lost something to a bound.
    pub(crate) const CUT: u16 = 1;
    /// Formatting the message or a field returned an error or panicked.
    pub(crate) const BROKEN: u16 = 1 << 1;
    pub(crate) const HAS_LINE: u16 = 1 << 2;
    pub(crate) const HAS_MODULE: u16 = 1 << 3;
    pub(crate) const MODULE_INTERNED: u16 = 1 << 4;
    pub(crate) const HAS_FILE: u16 = 1 << 5;
    pub(crate) const FILE_INTERNED: u16 = 1 << 6;
    /// The target is the module path and not written again.
    pub(crate) const TARGET_IS_MODULE: u16 = 1 << 7;
}

/// What kind of value a field has; the byte before the value.
pub(crate) mod kind {
    pub(crate) const NULL: u8 = 0;
    pub(crate) const FALSE: u8 = 1;
    pub(crate) const TRUE: u8 = 2;
    pub(crate) const I64: u8 = 3;
    pub(crate) const U64: u8 = 4;
    pub(crate) const I128: u8 = 5;
    pub(crate) const U128: u8 = 6;
    pub(crate) const F64: u8 = 7;
    pub(crate) const STR: u8 = 8;
    pub(crate) const TEXT: u8 = 9;
    pub(crate) const JSON: u8 = 10;
}
