//! Filling a server with people who talk. The rule: it does over the HTTP API what people would do, and one seed is one
//! [`Script`], so that the same run again adds nothing.

mod api;
mod names;
mod script;
mod talk;

use crate::Outcome;
use crate::arguments::Mock;
use api::{Api, Person};
use indicatif::{ProgressBar, ProgressStyle};
use script::{Line, Place, Script};
use serde_json::json;
use std::collections::HashMap;

/// The width of the bar fits the narrowest terminal.
const STYLE: &str = "{bar:30} {pos}/{len} {msg}";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn fill(wanted: &Mock) -> Outcome {
    let script = Script::new(wanted.seed, wanted.users, wanted.groups, wanted.messages);
    let url = wanted.target.url();
    let bar = bar(script.people.len() + script.groups.len() + script.lines.len())?;
    let mut stage = Stage { api: Api::at(&wanted.target)?, people: vec![], groups: vec![], said: HashMap::new(), bar };
    stage.perform(wanted, &script).await?;
    stage.bar.finish_and_clear();
    let (people, groups, lines) = (script.people.len(), script.groups.len(), script.lines.len());
    let someone = script.people.first().map_or("", |person| person.username.as_str());
    tracing::info!(
        people,
        groups,
        messages = lines,
        "{url} is filled; log in as {someone}, or anyone else, with --password"
    );
    Ok(())
}

fn bar(steps: usize) -> Outcome<ProgressBar> {
    let style = ProgressStyle::with_template(STYLE).map_err(|error| error.to_string())?;
    Ok(ProgressBar::new(steps as u64).with_style(style))
}

/// A server with the people who are on it so far.
struct Stage {
    api: Api,
    people: Vec<Person>,
    groups: Vec<i64>,
    /// The last message said in each place, which the next one may answer.
    said: HashMap<i64, i64>,
    bar: ProgressBar,
}

impl Stage {
    async fn perform(&mut self, wanted: &Mock, script: &Script) -> Outcome {
        for person in &script.people {
            self.bar.set_message(format!("{} comes", person.fullname));
            self.people.push(self.api.come(&person.username, &person.fullname, &wanted.password).await?);
            self.bar.inc(1);
        }
        for group in &script.groups {
            self.bar.set_message(group.name.clone());
            let members: Vec<_> = group.members.iter().map(|member| script.people[*member].username.as_str()).collect();
            let owner = &self.people[group.members[0]];
            self.groups.push(self.api.group(owner, &group.name, group.visibility, &members[1..]).await?);
            self.bar.inc(1);
        }
        self.bar.set_message("talking");
        for (number, line) in script.lines.iter().enumerate() {
            let run = format!("mock-{}-{}-{}-{number}", wanted.seed, wanted.users, wanted.groups);
            self.say(line, &run).await?;
            self.bar.inc(1);
        }
        Ok(())
    }

    /// Says a line, once for each nonce.
    async fn say(&mut self, line: &Line, nonce: &str) -> Outcome {
        let speaker = &self.people[line.speaker];
        let place = match line.place {
            Place::Group(group) => self.groups[group],
            Place::Direct(other) => self.api.direct(speaker, self.people[other].id).await?,
        };
        let reply = self.said.get(&place).filter(|_| line.is_answer);
        let draft = json!({ "content": line.content, "nonce": nonce, "reply_id": reply });
        let message = self.api.send(speaker, place, &draft).await?;
        self.said.insert(place, message);
        Ok(())
    }
}
