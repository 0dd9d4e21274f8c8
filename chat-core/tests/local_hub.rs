//! The conformance kit against [`LocalHub`].

use chat_core::{LocalHub, SessionHub};
use std::sync::Arc;

async fn open() -> (Arc<dyn SessionHub>, ()) {
    (Arc::new(LocalHub::new()), ())
}

chat_core::hub_conformance!(open);
