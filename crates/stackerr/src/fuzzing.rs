//! What fuzz targets need of the inside: there only when compiled with `--cfg fuzzing`.

use crate::Frame;

/// The frames that are read from the text of another crate's backtrace.
pub fn frames_of_text(text: &str) -> Vec<Frame> {
    crate::parse::frames(text)
}
