//! Checks of [`Link`]. Each is to be given a network of its own.
//!
//! A link may lose payloads, and say that it may have. While nothing breaks, as here, it does neither.

use crate::link::{Link, Received};
use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{join_all, join3};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// What connects some nodes and nobody else.
#[async_trait]
pub trait Network: Send + Sync {
    /// The link of one more node.
    async fn link(&self) -> Arc<dyn Link>;
}

/// Told behind everything that a check looks at, by each node that tells something.
const LAST: &str = "last";
const PAYLOAD_BYTES_LEAST: usize = 1_024;
const MANY: usize = 200;
/// Each may cost a link its connection.
const DROPS: usize = 40;

pub async fn a_payload_reaches_every_other_node(network: Arc<dyn Network>) {
    let [one, other, third] = links(&*network).await;
    tell(&*one, ["hello", LAST]).await;
    for link in [&other, &third] {
        assert_eq!(heard(&**link, 1).await, ["hello"]);
    }
}

pub async fn payloads_of_one_node_arrive_once_and_in_order(network: Arc<dyn Network>) {
    let [one, other] = links(&*network).await;
    let told = numbered("", MANY);
    tell_all(&*one, &told).await;
    assert_eq!(heard(&*other, 1).await, told);
}

pub async fn payloads_of_nodes_that_tell_at_once_keep_the_order_of_each(network: Arc<dyn Network>) {
    let [one, other, third] = links(&*network).await;
    let (of_one, of_other) = (numbered("one ", MANY), numbered("other ", MANY));
    let ((), (), all) = join3(tell_all(&*one, &of_one), tell_all(&*other, &of_other), heard(&*third, 2)).await;
    for (name, told) in [("one ", of_one), ("other ", of_other)] {
        let heard: Vec<_> = all.iter().filter(|payload| payload.starts_with(name)).cloned().collect();
        assert_eq!(heard, told);
    }
}

pub async fn the_longest_payload_arrives_whole(network: Arc<dyn Network>) {
    let [one, other] = links(&*network).await;
    let bytes_max = one.payload_bytes_max();
    assert!(bytes_max >= PAYLOAD_BYTES_LEAST, "{bytes_max}");
    let longest = "x".repeat(bytes_max);
    tell(&*one, [&longest, LAST]).await;
    assert_eq!(heard(&*other, 1).await, [longest]);
    assert_eq!((one.payload_bytes_max(), other.payload_bytes_max()), (bytes_max, bytes_max));
}

pub async fn every_text_arrives_as_it_is(network: Arc<dyn Network>) {
    let [one, other] = links(&*network).await;
    let texts = ["é 漢 🙂", "it's \"quoted\" \\ $1 %s; --", " \t\r\n ", "\u{1}\u{7f}"].map(str::to_owned);
    tell_all(&*one, &texts).await;
    assert_eq!(heard(&*other, 1).await, texts);
}

pub async fn the_same_payload_twice_arrives_twice(network: Arc<dyn Network>) {
    let [one, other] = links(&*network).await;
    tell(&*one, ["again", "again", LAST]).await;
    assert_eq!(heard(&*other, 1).await, ["again", "again"]);
}

pub async fn what_is_told_while_nobody_waits_is_heard_later(network: Arc<dyn Network>) {
    let [one, other] = links(&*network).await;
    tell(&*one, ["first", "second"]).await;
    tell(&*one, [LAST]).await;
    assert_eq!(heard(&*other, 1).await, ["first", "second"]);
}

pub async fn a_node_hears_nothing_from_before_it_came(network: Arc<dyn Network>) {
    let [one, witness] = links(&*network).await;
    tell(&*one, ["before", LAST]).await;
    assert_eq!(heard(&*witness, 1).await, ["before"]);
    let other = network.link().await;
    tell(&*one, ["after", LAST]).await;
    assert_eq!(heard(&*other, 1).await, ["after"]);
}

pub async fn giving_up_a_receive_loses_nothing(network: Arc<dyn Network>) {
    let [one, other] = links(&*network).await;
    let mut all = vec![];
    for n in 0..MANY {
        let _ = timeout(Duration::from_micros(n as u64 * 5), async {
            loop {
                keep(other.receive().await, &mut all);
            }
        })
        .await;
        tell(&*one, [n.to_string()]).await;
        if let Some(received) = other.receive().now_or_never() {
            keep(received, &mut all);
        }
    }
    tell(&*one, [LAST]).await;
    all.extend(heard(&*other, 1).await);
    assert_eq!(all, numbered("", MANY));
}

pub async fn a_dropped_broadcast_is_whole_or_none(network: Arc<dyn Network>) {
    let [one, other] = links(&*network).await;
    for n in 0..DROPS {
        let _ = timeout(Duration::from_micros(n as u64 * 25), one.broadcast(format!("dropped {n}").into())).await;
        tell(&*one, [format!("told {n}")]).await;
    }
    tell(&*one, [LAST]).await;

    let (told, mut dropped): (Vec<_>, Vec<_>) =
        heard(&*other, 1).await.into_iter().partition(|payload| payload.starts_with("told "));
    assert_eq!(told, numbered("told ", DROPS));
    dropped.sort();
    assert!(dropped.windows(2).all(|pair| pair[0] != pair[1]), "a payload came twice: {dropped:?}");
    assert!(dropped.iter().all(|payload| numbered("dropped ", DROPS).contains(payload)), "{dropped:?}");
}

async fn links<const N: usize>(network: &dyn Network) -> [Arc<dyn Link>; N] {
    let links = join_all((0..N).map(|_| network.link())).await;
    links.try_into().unwrap_or_else(|_| unreachable!())
}

async fn tell<Text: ToString>(link: &dyn Link, payloads: impl IntoIterator<Item = Text>) {
    for payload in payloads {
        // A link whose broadcast was dropped may need another connection first.
        let mut failures = 0;
        while let Err(error) = link.broadcast(Bytes::from(payload.to_string())).await {
            failures += 1;
            assert!(failures < 3, "{error:?}");
        }
    }
}

async fn tell_all(link: &dyn Link, payloads: &[String]) {
    tell(link, payloads).await;
    tell(link, [LAST]).await;
}

/// What comes before so many nodes have told the last.
async fn heard(link: &dyn Link, nodes: usize) -> Vec<String> {
    let (mut all, mut last) = (vec![], 0);
    while last < nodes {
        keep(link.receive().await, &mut all);
        last += usize::from(all.pop_if(|payload| payload == LAST).is_some());
    }
    all
}

fn keep(received: Received, all: &mut Vec<String>) {
    match received {
        Received::Payload(payload) => all.push(String::from_utf8(payload.to_vec()).unwrap()),
        Received::Gap => panic!("a gap, though nothing is broken"),
    }
}

fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{name}{n}")).collect()
}
