//! Sending dumps to a service: where to (`target`), the requests (`client`), the proxy to use
//! (`proxy`), and what was sent already (`receipts`).

mod client;
mod proxy;
mod receipts;
mod target;

pub(crate) use client::{Client, Delivery, Stop};
pub(crate) use receipts::Receipts;
pub(crate) use target::{Post, Target};
