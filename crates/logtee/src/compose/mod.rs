//! Sinks made of sinks. They nest in any way, and each knows what it could ever want.

mod attempts;
mod failover;
mod pool;
mod recover;
mod router;

pub use failover::{Failover, FailoverBuilder, failover};
pub use pool::{Pool, PoolBuilder, pool};
pub use recover::{Failure, Recover, RecoverBuilder, recover};
pub use router::{Router, RouterBuilder, first_match, router};
