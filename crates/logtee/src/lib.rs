//! Fan log records out to several sinks, each with a filter of its own: route, fail over, transform, format.
