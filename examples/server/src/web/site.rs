//! A page and its files, as browsers keep them.
//!
//! The page names its files by the edition, a hash over all of them. A file asked for by this edition never changes, so
//! browsers keep it; the page, and a file asked for in any other way, is checked by its `ETag` each time.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;
use warp::reply::Response;

/// The page's own name among the files.
pub(super) const PAGE: &str = "index.html";
/// What browsers are told with a page, besides its policy.
const PAGE_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // Nothing of all this is asked for, so nothing that gets into the page can ask either.
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
            microphone=(), midi=(), payment=(), usb=()",
        ),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// Keeps pages of others from loading files, and from measuring them.
const RESOURCE_POLICY: (HeaderName, HeaderValue) =
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));

/// Where a page and its files are.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Without a slash at the end.
    pub(super) page: &'static str,
    pub(super) files: &'static str,
    /// How the page names the directory of its files.
    pub(super) named: &'static str,
}

/// A page with its files by their paths, and what names them all.
pub(super) struct Site {
    place: Place,
    edition: String,
    files: BTreeMap<String, File>,
}

struct File {
    kind: &'static str,
    headers: HeaderMap,
    etag: String,
    bytes: Bytes,
    compressed: OnceLock<Bytes>,
}

impl Site {
    /// A site of these files; `variant` is what else an edition depends on.
    pub(super) fn new<Files: RustEmbed>(place: Place, policy: HeaderValue, variant: impl Hash) -> Self {
        let found = Files::iter().filter_map(|path| Some((path.to_string(), Files::get(&path)?)));
        let found: BTreeMap<String, EmbeddedFile> = found.collect();
        let edition = edition(&found, variant);
        let files = found.into_iter().map(|(path, file)| (path.clone(), File::new(kind(&path), bytes(file.data))));
        let mut site = Self { place, edition, files: files.collect() };
        let named = format!("\"{}", place.named);
        let of_edition = format!("{named}{}/", site.edition);
        site.rewrite(PAGE, |page| page.replace(&named, &of_edition));
        site.tell(PAGE, PAGE_HEADERS);
        site.tell(PAGE, [(header::CONTENT_SECURITY_POLICY, policy)]);
        site
    }

    pub(super) fn edition(&self) -> &str {
        &self.edition
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Replaces a text.
    pub(super) fn rewrite(&mut self, path: &str, rewritten: impl FnOnce(&str) -> String) {
        if let Some(file) = self.files.get_mut(path) {
            file.replace(rewritten(&String::from_utf8_lossy(&file.bytes)).into());
        }
    }

    /// Has browsers told something with a file.
    pub(super) fn tell(&mut self, path: &str, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) {
        if let Some(file) = self.files.get_mut(path) {
            file.headers.extend(headers);
        }
    }

    /// The answer to a request, unless it is for someone else.
    pub(super) fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        if path.strip_suffix('/').unwrap_or(path) == self.place.page {
            return Some(self.files.get(PAGE)?.answer(headers, "no-cache"));
        }
        let path = path.strip_prefix(self.place.files)?;
        let of_this_edition = path.strip_prefix(&self.edition).and_then(|path| path.strip_prefix('/'));
        match of_this_edition {
            Some(path) => Some(self.files.get(path)?.answer(headers, "public, max-age=31536000, immutable")),
            // A page of an earlier edition gets what there is now.
            None => {
                let current = self.files.get(path).or_else(|| self.files.get(path.split_once('/')?.1));
                Some(current?.answer(headers, "no-cache"))
            }
        }
    }
}

/// A hash over the names and contents of all files.
fn edition(files: &BTreeMap<String, EmbeddedFile>, variant: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    variant.hash(&mut hasher);
    for (path, file) in files {
        (path, file.metadata.sha256_hash()).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    }
}

impl File {
    fn new(kind: &'static str, bytes: Bytes) -> Self {
        let mut file = Self {
            kind,
            headers: HeaderMap::new(),
            etag: String::new(),
            bytes: Bytes::new(),
            compressed: OnceLock::new(),
        };
        file.replace(bytes);
        file
    }

    fn replace(&mut self, bytes: Bytes) {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        self.etag = format!("W/\"{:016x}\"", hasher.finish());
        self.bytes = bytes;
    }

    fn answer(&self, headers: &HeaderMap, caching: &'static str) -> Response {
        let is_known = listed(headers, &header::IF_NONE_MATCH).any(|known| known == self.etag || known == "*");
        let mut response = Response::default();
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else if accepts_gzip(headers) {
            response = Response::new(self.compressed().into());
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        } else {
            response = Response::new(self.bytes.clone().into());
        }
        let headers = response.headers_mut();
        headers.extend(self.headers.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(RESOURCE_POLICY.0, RESOURCE_POLICY.1);
        if let Ok(etag) = HeaderValue::try_from(&self.etag) {
            headers.insert(header::ETAG, etag);
        }
        response
    }

    /// The file as most browsers get it, made when the first one asks.
    fn compressed(&self) -> Bytes {
        let compress = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            // Writing to memory does not fail.
            let _ = encoder.write_all(&self.bytes);
            encoder.finish().unwrap_or_default().into()
        };
        self.compressed.get_or_init(compress).clone()
    }
}

/// The values of a header that is a list.
fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|values| values.split(',')).map(str::trim)
}

/// Whether a client takes gzip, which it may also refuse by a weight of zero (RFC 9110, section 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    listed(headers, &header::ACCEPT_ENCODING).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().trim_start_matches("q=").parse();
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_ok_and(|weight: f32| weight > 0.0)
    })
}

fn kind(path: &str) -> &'static str {
    match Path::new(path).extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
