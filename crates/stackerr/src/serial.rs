//! `Serialize`, by hand.

use crate::frame::Frame;
use crate::trace::{StackTrace, StackTraces};
use crate::trail::Place;
use crate::tree::ErrorTree;
use serde_core::ser::{Serialize, SerializeStruct, Serializer};

impl Serialize for StackTraces {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl Serialize for StackTrace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let birth = self.birth();
        let keys = 4 + usize::from(birth.is_some());
        let mut map = serializer.serialize_struct("StackTrace", keys)?;
        map.serialize_field("error", self.error())?;
        map.serialize_field("error_type", &self.type_name())?;
        map.serialize_field("frames", self.frames())?;
        map.serialize_field("trail", &Places(self.trail()))?;
        if let Some(birth) = birth {
            map.serialize_field("birth", &birth)?;
        }
        map.end()
    }
}

impl Serialize for Frame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Frame", 7)?;
        map.serialize_field("name", self.name())?;
        map.serialize_field("file", &self.file())?;
        map.serialize_field("line", &self.line())?;
        map.serialize_field("column", &self.column())?;
        map.serialize_field("address", &format_args!("{:#x}", self.address()))?;
        map.serialize_field("module", &self.module())?;
        map.serialize_field("noise", &self.is_noise())?;
        map.end()
    }
}

impl Serialize for ErrorTree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("ErrorTree", 3)?;
        map.serialize_field("message", &self.message)?;
        map.serialize_field("location", &self.location.map(At))?;
        map.serialize_field("sources", &self.sources)?;
        map.end()
    }
}

struct Places<'a>(&'a [Place]);

impl Serialize for Places<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|&place| At(place)))
    }
}

struct At(Place);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Location", 3)?;
        map.serialize_field("file", self.0.file())?;
        map.serialize_field("line", &self.0.line())?;
        map.serialize_field("column", &self.0.column())?;
        map.end()
    }
}
