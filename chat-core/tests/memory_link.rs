//! The conformance kit against [`MemoryNetwork`].

use chat_core::testing::{MemoryNetwork, Network};
use std::sync::Arc;

async fn open() -> (Arc<dyn Network>, ()) {
    (Arc::new(MemoryNetwork::new()), ())
}

chat_core::link_conformance!(open);
