//! Sends dumps to a service: the service (`target`), the requests (`client`), the proxy (`proxy`), and
//! a list of the events that have been sent (`receipts`).

mod client;
mod proxy;
mod receipts;
mod target;

pub(crate) use client::{Client, Delivery, Stop};
pub(crate) use receipts::Receipts;
pub(crate) use target::{Post, Target};
