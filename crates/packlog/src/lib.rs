#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod buffer;
mod event;
mod fields;
mod head;
#[allow(unsafe_code)]
mod intern;
mod layout;
mod pack;
mod places;
mod static_record;
mod unpack;

pub use event::{Flaws, SpanHead, Writer, pack_event, pack_fields, pack_span, pack_span_closed};
pub use fields::{FieldValue, Fields};
pub use head::Head;
pub use pack::{has_fields, pack, pack_padded};
pub use places::{PLACES_BYTES, PlaceWriter, Places, place_count};
pub use static_record::{STATIC_WORDS, StaticRecord, pack_static, static_len};
pub use unpack::{
    Error, OpenedSpan, Origin, RecordKind, Unpacked, map_thread, origin, origin_bytes, origin_mask,
    unpack,
};

/// The maximum length of a packed record, in bytes.
///
/// The end of a longer message is cut, fields that do not fit are left out, and the record is marked as
/// [cut](Unpacked::cut).
pub const MAX_LEN: usize = 8192;
