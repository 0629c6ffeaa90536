//! The numbers of DWARF that mean something here: chapter 7 of the standard, with the names it
//! gives them. Those before DWARF 5 that GCC made up for split units are GNU's.

/// Tags of entries (7.5.3).
pub(super) mod tag {
    pub(in crate::symbols::dwarf) const INLINED_SUBROUTINE: u16 = 0x1d;
    pub(in crate::symbols::dwarf) const SUBPROGRAM: u16 = 0x2e;
}

/// Attributes (7.5.4).
pub(super) mod at {
    pub(in crate::symbols::dwarf) const NAME: u16 = 0x03;
    pub(in crate::symbols::dwarf) const STMT_LIST: u16 = 0x10;
    pub(in crate::symbols::dwarf) const LOW_PC: u16 = 0x11;
    pub(in crate::symbols::dwarf) const HIGH_PC: u16 = 0x12;
    pub(in crate::symbols::dwarf) const COMP_DIR: u16 = 0x1b;
    pub(in crate::symbols::dwarf) const ABSTRACT_ORIGIN: u16 = 0x31;
    pub(in crate::symbols::dwarf) const SPECIFICATION: u16 = 0x47;
    pub(in crate::symbols::dwarf) const RANGES: u16 = 0x55;
    pub(in crate::symbols::dwarf) const CALL_COLUMN: u16 = 0x57;
    pub(in crate::symbols::dwarf) const CALL_FILE: u16 = 0x58;
    pub(in crate::symbols::dwarf) const CALL_LINE: u16 = 0x59;
    pub(in crate::symbols::dwarf) const LINKAGE_NAME: u16 = 0x6e;
    pub(in crate::symbols::dwarf) const STR_OFFSETS_BASE: u16 = 0x72;
    pub(in crate::symbols::dwarf) const ADDR_BASE: u16 = 0x73;
    pub(in crate::symbols::dwarf) const RNGLISTS_BASE: u16 = 0x74;
    pub(in crate::symbols::dwarf) const MIPS_LINKAGE_NAME: u16 = 0x2007;
    pub(in crate::symbols::dwarf) const GNU_ADDR_BASE: u16 = 0x2133;
}

/// Forms of attributes (7.5.6).
pub(super) mod form {
    pub(in crate::symbols::dwarf) const ADDR: u16 = 0x01;
    pub(in crate::symbols::dwarf) const BLOCK2: u16 = 0x03;
    pub(in crate::symbols::dwarf) const BLOCK4: u16 = 0x04;
    pub(in crate::symbols::dwarf) const DATA2: u16 = 0x05;
    pub(in crate::symbols::dwarf) const DATA4: u16 = 0x06;
    pub(in crate::symbols::dwarf) const DATA8: u16 = 0x07;
    pub(in crate::symbols::dwarf) const STRING: u16 = 0x08;
    pub(in crate::symbols::dwarf) const BLOCK: u16 = 0x09;
    pub(in crate::symbols::dwarf) const BLOCK1: u16 = 0x0a;
    pub(in crate::symbols::dwarf) const DATA1: u16 = 0x0b;
    pub(in crate::symbols::dwarf) const FLAG: u16 = 0x0c;
    pub(in crate::symbols::dwarf) const SDATA: u16 = 0x0d;
    pub(in crate::symbols::dwarf) const STRP: u16 = 0x0e;
    pub(in crate::symbols::dwarf) const UDATA: u16 = 0x0f;
    pub(in crate::symbols::dwarf) const REF_ADDR: u16 = 0x10;
    pub(in crate::symbols::dwarf) const REF1: u16 = 0x11;
    pub(in crate::symbols::dwarf) const REF2: u16 = 0x12;
    pub(in crate::symbols::dwarf) const REF4: u16 = 0x13;
    pub(in crate::symbols::dwarf) const REF8: u16 = 0x14;
    pub(in crate::symbols::dwarf) const REF_UDATA: u16 = 0x15;
    pub(in crate::symbols::dwarf) const INDIRECT: u16 = 0x16;
    pub(in crate::symbols::dwarf) const SEC_OFFSET: u16 = 0x17;
    pub(in crate::symbols::dwarf) const EXPRLOC: u16 = 0x18;
    pub(in crate::symbols::dwarf) const FLAG_PRESENT: u16 = 0x19;
    pub(in crate::symbols::dwarf) const STRX: u16 = 0x1a;
    pub(in crate::symbols::dwarf) const ADDRX: u16 = 0x1b;
    pub(in crate::symbols::dwarf) const REF_SUP4: u16 = 0x1c;
    pub(in crate::symbols::dwarf) const STRP_SUP: u16 = 0x1d;
    pub(in crate::symbols::dwarf) const DATA16: u16 = 0x1e;
    pub(in crate::symbols::dwarf) const LINE_STRP: u16 = 0x1f;
    pub(in crate::symbols::dwarf) const REF_SIG8: u16 = 0x20;
    pub(in crate::symbols::dwarf) const IMPLICIT_CONST: u16 = 0x21;
    pub(in crate::symbols::dwarf) const LOCLISTX: u16 = 0x22;
    pub(in crate::symbols::dwarf) const RNGLISTX: u16 = 0x23;
    pub(in crate::symbols::dwarf) const REF_SUP8: u16 = 0x24;
    pub(in crate::symbols::dwarf) const STRX1: u16 = 0x25;
    pub(in crate::symbols::dwarf) const STRX2: u16 = 0x26;
    pub(in crate::symbols::dwarf) const STRX3: u16 = 0x27;
    pub(in crate::symbols::dwarf) const STRX4: u16 = 0x28;
    pub(in crate::symbols::dwarf) const ADDRX1: u16 = 0x29;
    pub(in crate::symbols::dwarf) const ADDRX2: u16 = 0x2a;
    pub(in crate::symbols::dwarf) const ADDRX3: u16 = 0x2b;
    pub(in crate::symbols::dwarf) const ADDRX4: u16 = 0x2c;
    pub(in crate::symbols::dwarf) const GNU_ADDR_INDEX: u16 = 0x1f01;
    pub(in crate::symbols::dwarf) const GNU_STR_INDEX: u16 = 0x1f02;
    pub(in crate::symbols::dwarf) const GNU_REF_ALT: u16 = 0x1f20;
    pub(in crate::symbols::dwarf) const GNU_STRP_ALT: u16 = 0x1f21;
}

/// Kinds of units (7.5.1).
pub(super) mod ut {
    pub(in crate::symbols::dwarf) const COMPILE: u8 = 0x01;
    pub(in crate::symbols::dwarf) const TYPE: u8 = 0x02;
    pub(in crate::symbols::dwarf) const PARTIAL: u8 = 0x03;
    pub(in crate::symbols::dwarf) const SKELETON: u8 = 0x04;
    pub(in crate::symbols::dwarf) const SPLIT_COMPILE: u8 = 0x05;
    pub(in crate::symbols::dwarf) const SPLIT_TYPE: u8 = 0x06;
}

/// Entries of range lists (7.25).
pub(super) mod rle {
    pub(in crate::symbols::dwarf) const END_OF_LIST: u8 = 0x00;
    pub(in crate::symbols::dwarf) const BASE_ADDRESSX: u8 = 0x01;
    pub(in crate::symbols::dwarf) const STARTX_ENDX: u8 = 0x02;
    pub(in crate::symbols::dwarf) const STARTX_LENGTH: u8 = 0x03;
    pub(in crate::symbols::dwarf) const OFFSET_PAIR: u8 = 0x04;
    pub(in crate::symbols::dwarf) const BASE_ADDRESS: u8 = 0x05;
    pub(in crate::symbols::dwarf) const START_END: u8 = 0x06;
    pub(in crate::symbols::dwarf) const START_LENGTH: u8 = 0x07;
}

/// Standard opcodes of line programs, and the extended ones behind a zero (7.22).
pub(super) mod lns {
    pub(in crate::symbols::dwarf) const COPY: u8 = 0x01;
    pub(in crate::symbols::dwarf) const ADVANCE_PC: u8 = 0x02;
    pub(in crate::symbols::dwarf) const ADVANCE_LINE: u8 = 0x03;
    pub(in crate::symbols::dwarf) const SET_FILE: u8 = 0x04;
    pub(in crate::symbols::dwarf) const SET_COLUMN: u8 = 0x05;
    pub(in crate::symbols::dwarf) const CONST_ADD_PC: u8 = 0x08;
    pub(in crate::symbols::dwarf) const FIXED_ADVANCE_PC: u8 = 0x09;
}
pub(super) mod lne {
    pub(in crate::symbols::dwarf) const END_SEQUENCE: u8 = 0x01;
    pub(in crate::symbols::dwarf) const SET_ADDRESS: u8 = 0x02;
    pub(in crate::symbols::dwarf) const DEFINE_FILE: u8 = 0x03;
}

/// What the fields of an entry for a file are (7.22).
pub(super) mod lnct {
    pub(in crate::symbols::dwarf) const PATH: u64 = 0x1;
    pub(in crate::symbols::dwarf) const DIRECTORY_INDEX: u64 = 0x2;
}
