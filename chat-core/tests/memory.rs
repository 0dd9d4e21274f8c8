//! The conformance kit against [`MemoryStorage`].

use chat_core::{MemoryStorage, Storage, testing};
use std::collections::BTreeSet;
use std::sync::Arc;

async fn open() -> (Arc<dyn Storage>, ()) {
    (Arc::new(MemoryStorage::new()), ())
}

chat_core::storage_conformance!(open);

#[test]
fn every_check_is_on_the_list() {
    let of_storages = testing::storage_checks().into_iter().map(|check| check.name);
    let of_hubs = testing::hub_checks().into_iter().map(|check| check.name);
    let of_links = testing::link_checks().into_iter().map(|check| check.name);
    let listed: BTreeSet<_> = of_storages.chain(of_hubs).chain(of_links).map(str::to_owned).collect();
    let mut written = BTreeSet::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/testing")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let names = text.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next());
        written.extend(names.map(str::to_owned));
    }
    assert_eq!(written, listed);
}
