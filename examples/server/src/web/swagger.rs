//! Swagger UI, over the API's own document.

use super::site::{Place, Site};
use http::HeaderValue;
use rust_embed::RustEmbed;

const PLACE: Place = Place { page: "/schema/swagger-ui", files: "/schema/swagger-ui/", named: "/schema/swagger-ui/" };
/// Swagger UI makes markup from text, and draws pictures that stand in its styles.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'",
);

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/swagger-ui/"]
struct Files;

pub(super) fn site() -> Site {
    Site::new::<Files>(PLACE, POLICY, ())
}
