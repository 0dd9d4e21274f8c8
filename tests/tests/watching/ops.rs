//! The dashboard and the alerts in `examples/server/ops`: they ask only for what the program tells.

use crate::scene::{Scrape, scraped, used};
use chat_tests::{Kind, Server};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// What a query may hold besides metrics.
const FUNCTIONS: [&str; 9] =
    ["avg", "avg_over_time", "changes", "clamp_min", "histogram_quantile", "increase", "max", "rate", "sum"];
const WORDS: [&str; 7] = ["and", "bool", "by", "ignoring", "or", "unless", "without"];
/// What Prometheus itself knows of each server: whether it answers, which job it belongs to, and where it is.
const UP: &str = "up";
const TARGET: [&str; 2] = ["job", "instance"];

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/server/ops").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn alerts() -> Vec<Value> {
    let rules: Value = yaml_serde::from_str(&file("alerts.yaml")).unwrap();
    let groups = rules["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
}

/// Every query of the dashboard.
fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&file("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten().cloned());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// The metrics in a query of PromQL, each with the labels that are asked of it.
fn asked(query: &str) -> Vec<(String, Vec<String>)> {
    let mut found = vec![];
    let mut rest = query;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '"') {
        assert!(!rest[start..].starts_with('"'), "a text outside of braces: {query}");
        // A number may hold a letter, as in `1e3`.
        let is_number = rest[..start].ends_with(|c: char| c.is_ascii_digit() || c == '.');
        let end =
            rest[start..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(rest.len(), |n| start + n);
        let (word, behind) = (&rest[start..end], &rest[end..]);
        rest = behind;
        match word {
            _ if is_number => {}
            "by" | "without" | "ignoring" => {
                // Those labels are of the metrics inside, which are looked at one by one below.
                let (labels, behind) = behind.split_once(')').expect("labels in parentheses");
                found.push((String::new(), names(labels.trim_start_matches([' ', '(']))));
                rest = behind;
            }
            word if FUNCTIONS.contains(&word) && !behind.starts_with('{') => {}
            word if WORDS.contains(&word) => {}
            name => {
                let (labels, behind) = match behind.strip_prefix('{') {
                    Some(labels) => labels.split_once('}').expect("a brace that is closed"),
                    None => ("", behind),
                };
                let labels = labels.split("\",").filter_map(|label| label.split(['=', '!']).next());
                found.push((
                    name.to_owned(),
                    labels.map(|label| label.trim().to_owned()).filter(|l| !l.is_empty()).collect(),
                ));
                rest = behind.strip_prefix('[').map_or(behind, |range| range.split_once(']').unwrap().1);
            }
        }
    }
    found
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Fails for a metric that the program does not tell, and for a label that it does not have.
#[track_caller]
fn check(query: &str, scrape: &Scrape) {
    let asked = asked(query);
    let told: BTreeSet<&str> = asked
        .iter()
        .filter(|(name, _)| !name.is_empty() && name != UP)
        .flat_map(|(name, _)| scrape.labels(name).unwrap_or_else(|| panic!("{name} is not told: {query}")))
        .collect();
    assert!(asked.iter().any(|(name, _)| !name.is_empty()), "nothing is asked: {query}");
    for (name, labels) in &asked {
        let has = if name.is_empty() { told.clone() } else { scrape.labels(name).unwrap_or_default() };
        for label in labels {
            assert!(has.contains(&**label) || TARGET.contains(&&**label), "{name} has no {label}: {query}");
        }
    }
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_ask_only_for_what_is_told() {
    let server = Server::start(Kind::Program).await;
    let _sockets = used(&server).await;
    let scrape = scraped(&server, |scrape| scrape.sum("chat_mails_sent_total", &[]) == 1.0).await;
    let (queries, alerts) = (queries(), alerts());
    assert!(queries.len() >= 10 && alerts.len() >= 10);
    for query in queries.iter().map(String::as_str).chain(alerts.iter().map(|rule| rule["expr"].as_str().unwrap())) {
        check(query, &scrape);
    }
}

#[test]
fn every_alert_says_how_bad_it_is_what_is_wrong_and_what_to_do() {
    let mut names = BTreeSet::new();
    for rule in alerts() {
        let name = rule["alert"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        assert!(rule["for"].as_str().is_some_and(|lasts| lasts.ends_with('m')), "{name}");
        assert!(["page", "ticket"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{name}");
        for about in ["summary", "action"] {
            let sentence = rule["annotations"][about].as_str().unwrap_or_default();
            assert!(sentence.len() > 20 && sentence.ends_with('.'), "{name}: {about}");
        }
    }
}

#[test]
fn the_panels_of_the_dashboard_have_titles_units_and_places_of_their_own() {
    let dashboard: Value = serde_json::from_str(&file("dashboard.json")).unwrap();
    let mut places = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(places.insert(panel["gridPos"].to_string()), "{title} lies on another");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}");
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{title}");
    }
}

#[test]
fn a_query_is_read_for_its_metrics_and_labels() {
    let query = r#"histogram_quantile(0.99, sum by (le, route) (rate(a_bucket{status=~"5..",job="chat"}[5m]))) > 1e3 and up == 0"#;
    let wanted = [("", vec!["le", "route"]), ("a_bucket", vec!["status", "job"]), ("up", vec![])];
    let wanted: Vec<_> =
        wanted.map(|(name, labels)| (name.to_owned(), labels.iter().map(ToString::to_string).collect())).into();
    assert_eq!(asked(query), wanted);
}
