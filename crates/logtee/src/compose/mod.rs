//! Sinks made of sinks. They nest in any way, and each knows what it could ever want.

mod attempts;
mod failover;
mod middleware;
mod pipe;
mod pool;
mod recover;
mod router;

pub use failover::{Failover, FailoverBuilder, failover};
pub use middleware::{
    DropIf, Enrich, MapMessage, Redact, RemoveKey, RenameKey, Sample, drop_if, enrich, map_message,
    redact, remove_key, rename_key, sample,
};
pub use pipe::{Middleware, Pipe, PipeBuilder, pipe};
pub use pool::{Pool, PoolBuilder, pool};
pub use recover::{Failure, Recover, RecoverBuilder, recover};
pub use router::{Router, RouterBuilder, first_match, router};
