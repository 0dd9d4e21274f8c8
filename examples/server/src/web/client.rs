//! The web client: its page, and the service worker that keeps one edition of it whole for when there is no connection.

use super::site::{PAGE, Place, Site};
use http::header::{self, HeaderName, HeaderValue};
use rust_embed::RustEmbed;

const PLACE: Place = Place { page: "", files: "/web/", named: "web/" };
/// The service worker's name among the files.
pub(super) const WORKER: &str = "worker.js";
/// Lets the worker answer for the page, which stands above it.
const WORKER_SCOPE: (HeaderName, HeaderValue) =
    (HeaderName::from_static("service-worker-allowed"), HeaderValue::from_static("../"));

#[derive(RustEmbed)]
#[folder = "web/"]
pub(super) struct Files;

/// From where the page loads pictures. Users name theirs by an address, and whoever keeps a picture learns who looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Pictures {
    /// From this server
    Own,
    /// From wherever they are, for those who choose to see them
    Remote,
}

impl Pictures {
    /// What the page is told; by default it stands there already.
    const MARK: &str = "data-pictures=\"own\"";

    /// Nothing but the server's own files runs or styles the page, and no text can become markup; the one address of a
    /// script that may be made is that of the worker.
    fn policy(self) -> HeaderValue {
        macro_rules! policy {
            ($pictures:literal) => {
                concat!(
                    "default-src 'self'; img-src 'self' data: blob:",
                    $pictures,
                    "; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
                    require-trusted-types-for 'script'; trusted-types worker"
                )
            };
        }
        HeaderValue::from_static(match self {
            Self::Own => policy!(""),
            Self::Remote => policy!(" https: http:"),
        })
    }
}

pub(super) fn site(pictures: Pictures) -> Site {
    let mut site = Site::new::<Files>(PLACE, pictures.policy(), pictures);
    if pictures == Pictures::Remote {
        site.rewrite(PAGE, |page| page.replace(Pictures::MARK, "data-pictures=\"remote\""));
    }
    let kept: Vec<&str> = site.paths().filter(|path| ![PAGE, WORKER].contains(path)).collect();
    let (edition, kept) = (site.edition().to_owned(), kept.join(" "));
    site.rewrite(WORKER, |worker| worker.replace("{edition}", &edition).replace("{files}", &kept));
    site.tell(WORKER, [(header::CONTENT_SECURITY_POLICY, pictures.policy()), WORKER_SCOPE]);
    site
}
