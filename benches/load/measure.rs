//! The measurements, and what they share.

pub(crate) mod crowd;
pub(crate) mod fan_out;
pub(crate) mod hostile;
pub(crate) mod latency;
pub(crate) mod memory;
pub(crate) mod resume;
pub(crate) mod sends;
pub(crate) mod slow_readers;
pub(crate) mod start;

mod flow;
