//! A server that has been used a bit, and the text format of Prometheus (version 0.0.4) read line by line.

use chat_tests::{Answer, PATIENCE, Person, Server, Socket};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::timeout;

/// Something that nobody but those it was said to may read.
pub(crate) const WORDS: &str = "between the two of us";

/// What `/metrics` says.
pub(crate) struct Scrape {
    pub(crate) text: String,
    pub(crate) samples: Vec<Sample>,
}

pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Scrape {
    pub(crate) async fn of(server: &Server) -> Self {
        let answer = server.client().get(server.url("/metrics")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        Self::read(answer.text().await.unwrap())
    }

    fn read(text: String) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(Sample::read).collect();
        Self { text, samples }
    }

    /// The sum over all samples of this name that have these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &Sample| {
            labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|found| found == value))
        };
        self.samples.iter().filter(|sample| sample.name == name && has(sample)).map(|sample| sample.value).sum()
    }

    /// The labels of the samples of this name, if there are any samples.
    pub(crate) fn labels(&self, name: &str) -> Option<BTreeSet<&str>> {
        let mut found = self.samples.iter().filter(|sample| sample.name == name).peekable();
        found.peek()?;
        Some(found.flat_map(|sample| sample.labels.keys().map(String::as_str)).collect())
    }
}

impl Sample {
    fn read(line: &str) -> Self {
        let (named, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = named.split_once('{').unwrap_or((named, ""));
        let labels = labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty());
        let labels = labels.map(|label| {
            let (name, value) = label.split_once("=\"").unwrap();
            (name.to_owned(), value.trim_end_matches('"').to_owned())
        });
        Self { name: name.to_owned(), labels: labels.collect(), value: value.parse().unwrap() }
    }
}

/// Asks until the answer is as it should be: what is counted may be so a moment after it is seen.
pub(crate) async fn scraped(server: &Server, is_there: impl Fn(&Scrape) -> bool) -> Scrape {
    let asking = async {
        loop {
            let scrape = Scrape::of(server).await;
            if is_there(&scrape) {
                return scrape;
            }
        }
    };
    timeout(PATIENCE, asking).await.expect("it is counted in time")
}

/// Ann, whose address is mailed to, and Bob talk in a group, over sockets and HTTP; someone comes back, someone errs.
pub(crate) async fn used(server: &Server) -> [Socket; 2] {
    let account = json!({ "username": "ann", "password": Person::PASSWORD, "email": "ann@example.org" });
    server.post("/users/register", account).await.expect(201);
    let (ann, bob) = (Person::log_in(server, "ann").await, server.person("bob").await);
    let group = ann.group(&[&bob]).await;
    let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

    let epoch = at_bob.asks(json!({ "type": "sync" })).await["data"]["epoch"].clone();
    at_ann.asks(json!({ "type": "send_message", "conversation_id": group, "content": WORDS, "ref": "r" })).await;
    ann.send(group, WORDS).await;
    let seen = json!({ group.to_string(): 0 });
    at_bob.ask(json!({ "type": "resume", "epoch": epoch, "conversations": seen, "ref": "back" })).await;
    while at_bob.hear().await["ref"] != "back" {}

    at_ann.ask(json!({ "type": "nothing of the kind", "ref": 1 })).await;
    while at_ann.hear().await["ref"] != 1 {}
    let strangers = ["/users/me", "/groups/4711", "/no/such/path", "/readyz"];
    join_all(strangers.map(|path| server.get(path))).await;
    ann.get("/messages/4711").await.refuses(404, "not_found");
    Answer::to(server.request(Method::from_bytes(b"BREW").unwrap(), "/misc/ping")).await;
    [at_ann, at_bob]
}
