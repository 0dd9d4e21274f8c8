//! One order for everyone: whatever many people do at once, every member hears it in the same order, without a gap, and
//! history agrees (API 1 and 3).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::{Person, Server, Socket, end_to_end};
use futures::future::{join, join_all};
use serde_json::{Value, json};

/// How many people talk at once.
const SENDERS: usize = 20;
/// How much each of them says.
const EACH: usize = 10;

async fn crowd(server: &Server) -> [Person; SENDERS] {
    let names: [String; SENDERS] = std::array::from_fn(|n| format!("sender{n}"));
    server.people(names.each_ref().map(String::as_str)).await
}

/// A group of all of them that the first owns.
async fn group(people: &[Person]) -> i64 {
    let others: Vec<_> = people[1..].iter().collect();
    people[0].group(&others).await
}

fn message(group: i64, person: &Person, n: usize) -> Value {
    let content = format!("{} {n}", person.username);
    json!({ "type": "send_message", "conversation_id": group, "content": content, "ref": content })
}

/// Asks, and hears until the answer is there; all that was heard, the answer without its `ref`, goes to `heard`.
async fn ask(socket: &mut Socket, request: Value, heard: &mut Vec<Value>) {
    let reference = request["ref"].clone();
    socket.ask(request).await;
    loop {
        let mut frame = socket.hear().await;
        assert_eq!(frame["success"], true, "{frame}");
        let own = frame.as_object_mut().unwrap().remove("ref");
        heard.push(frame);
        if own == Some(reference.clone()) {
            return;
        }
    }
}

/// Says what one has to say, hearing everything meanwhile.
async fn talk(socket: &mut Socket, group: i64, person: &Person) -> Vec<Value> {
    let mut heard = vec![];
    for n in 0..EACH {
        ask(socket, message(group, person, n), &mut heard).await;
    }
    heard
}

/// Says it over HTTP instead.
async fn talk_over_http(group: i64, person: &Person) -> Vec<Value> {
    let mut sent = vec![];
    for n in 0..EACH {
        sent.push(person.send(group, message(group, person, n)["content"].as_str().unwrap()).await);
    }
    sent
}

fn seqs(frames: &[Value]) -> Vec<i64> {
    frames.iter().map(|frame| frame["data"]["seq"].as_i64().unwrap()).collect()
}

/// Checks that the places are 1, 2, 3 … and those of each sender rise.
fn are_in_order(frames: &[Value], total: usize) {
    assert_eq!(seqs(frames), (1..=i64::try_from(total).unwrap()).collect::<Vec<_>>());
    let mut said = std::collections::HashMap::<&str, usize>::new();
    for data in frames.iter().filter(|frame| frame["type"] == "send_message").map(|frame| &frame["data"]) {
        let sender = data["sender_username"].as_str().unwrap();
        let n = said.entry(sender).or_default();
        assert_eq!(data["content"], format!("{sender} {n}"));
        *n += 1;
    }
}

/// All pages of a list, in the order in which they are read.
async fn pages(viewer: &Person, path: &str, list: &str, cursor: &str) -> Vec<Value> {
    let mut items = vec![];
    let mut next = Value::Null;
    loop {
        let from = if next.is_null() { String::new() } else { format!("&{cursor}={next}") };
        let page = viewer.get(&format!("{path}?limit=100{from}")).await.expect(200);
        items.extend(page[list].as_array().unwrap().clone());
        next = page["next"].clone();
        if next.is_null() {
            return items;
        }
    }
}

async fn events(viewer: &Person, group: i64) -> Vec<Value> {
    pages(viewer, &format!("/conversations/{group}/events"), "events", "after").await
}

async fn history(viewer: &Person, group: i64) -> Vec<Value> {
    let mut messages = pages(viewer, &format!("/conversations/{group}/messages"), "messages", "before").await;
    messages.reverse();
    messages
}

/// Hears until there are `total` frames, and whatever comes beyond them. One's own answer does not say that the others have
/// their event yet, so that waiting for the number is the only way to know.
async fn hear_the_rest(socket: &mut Socket, heard: &mut Vec<Value>, total: usize) {
    while heard.len() < total {
        heard.push(socket.hear().await);
    }
    heard.extend(socket.heard().await);
}

/// The same for each of them.
async fn all_hear_the_rest(sockets: &mut [Socket], heard: &mut [Vec<Value>], total: usize) {
    for (socket, heard) in sockets.iter_mut().zip(heard) {
        hear_the_rest(socket, heard, total).await;
    }
}

/// What one hears who hears this many frames and no more.
async fn hear_exactly(socket: &mut Socket, total: usize) -> Vec<Value> {
    let mut heard = vec![];
    hear_the_rest(socket, &mut heard, total).await;
    heard
}

end_to_end! {
    async fn no_answer_overtakes_an_earlier_one(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;
        let requests: Vec<_> = (0..200)
            .map(|n| match n % 5 {
                0 => json!({ "type": "send_message", "conversation_id": group, "content": "tea", "ref": n }),
                1 => json!({ "type": "ping", "ref": n }),
                2 => {
                    let name = n.to_string();
                    json!({ "type": "rename_conversation", "conversation_id": group, "name": name, "ref": n })
                }
                3 => json!({ "type": "sync", "ref": n }),
                _ => json!({ "type": "get_messages", "ref": n }),
            })
            .collect();

        let disturb = async {
            for n in 0..40 {
                at_bob.ask(message(group, &bob, n)).await;
            }
        };
        let ask = async {
            for request in &requests {
                at_ann.ask(request.clone()).await;
            }
        };
        join(ask, disturb).await;

        let mut answered = vec![];
        while answered.len() < requests.len() {
            let frame = at_ann.hear().await;
            if let Some(reference) = frame["ref"].as_u64() {
                assert_eq!(frame["success"], reference % 5 != 4, "{frame}");
                answered.push(reference);
            }
        }
        assert_eq!(answered, (0..200).collect::<Vec<_>>());
    }

    async fn twenty_who_talk_at_once_are_heard_in_one_order(server: Server) {
        let people = crowd(&server).await;
        let group = group(&people).await;
        let mut sockets = Socket::of(people.each_ref()).await;

        let talks = sockets.iter_mut().zip(&people).map(|(socket, person)| talk(socket, group, person));
        let mut heard = join_all(talks).await;
        all_hear_the_rest(&mut sockets, &mut heard, SENDERS * EACH).await;

        are_in_order(&heard[0], SENDERS * EACH);
        for (own, person) in heard.iter().zip(&people) {
            assert_eq!(*own, heard[0], "{}", person.username);
        }
        assert_eq!(events(&people[7], group).await, heard[0]);
        let messages: Vec<_> = heard[0].iter().map(|frame| frame["data"].clone()).collect();
        assert_eq!(history(&people[13], group).await, messages);
    }

    async fn those_who_talk_over_http_stand_in_the_same_order(server: Server) {
        let people = crowd(&server).await;
        let group = group(&people).await;
        let mut sockets = Socket::of(people.each_ref()).await;
        let (over_sockets, over_http) = people.split_at(SENDERS / 2);

        let talks = sockets.iter_mut().zip(over_sockets).map(|(socket, person)| talk(socket, group, person));
        let talks_over_http = over_http.iter().map(|person| talk_over_http(group, person));
        let (mut heard, answers) = join(join_all(talks), join_all(talks_over_http)).await;
        heard.resize(SENDERS, vec![]);
        all_hear_the_rest(&mut sockets, &mut heard, SENDERS * EACH).await;

        are_in_order(&heard[0], SENDERS * EACH);
        assert!(heard.iter().all(|own| *own == heard[0]));
        for answer in answers.concat() {
            let place = usize::try_from(answer["seq"].as_i64().unwrap()).unwrap();
            assert_eq!(heard[0][place - 1]["data"], answer);
        }
    }

    async fn every_kind_of_change_stands_in_the_same_order(server: Server) {
        let people = crowd(&server).await;
        let group = group(&people).await;
        let mut sockets = Socket::of(people.each_ref()).await;

        let changes = sockets.iter_mut().zip(&people).map(async |(socket, person)| {
            let mut heard = vec![];
            for n in 0..3 {
                ask(socket, message(group, person, n), &mut heard).await;
                let id = heard.last().unwrap()["data"]["id"].clone();
                for request in [
                    json!({ "type": "edit_message", "message_id": id, "content": "edited", "ref": "edit" }),
                    json!({ "type": "delete_message", "message_id": id, "ref": "delete" }),
                ] {
                    ask(socket, request, &mut heard).await;
                }
            }
            let is_owner = person.id == people[0].id;
            let last = match is_owner {
                true => json!({ "type": "rename_conversation", "conversation_id": group, "name": "us", "ref": "last" }),
                false => json!({ "type": "leave_conversation", "conversation_id": group, "ref": "last" }),
            };
            ask(socket, last, &mut heard).await;
            heard
        });
        let mut heard = join_all(changes).await;
        hear_the_rest(&mut sockets[0], &mut heard[0], SENDERS * 10).await;
        all_hear_the_rest(&mut sockets[1..], &mut heard[1..], 0).await;

        are_in_order(&heard[0], SENDERS * 10);
        for own in &heard {
            assert_eq!(*own, heard[0][..own.len()], "whoever leaves hears everything before, and nothing after");
        }
        let places = |events: &[Value]| {
            events.iter().map(|event| (event["type"].clone(), event["data"]["seq"].clone())).collect::<Vec<_>>()
        };
        assert_eq!(places(&events(&people[0], group).await), places(&heard[0]));
    }

    async fn requests_written_without_waiting_keep_their_order(server: Server) {
        let [ann, bob] = server.people(["ann", "bob"]).await;
        let group = ann.group(&[&bob]).await;
        let [mut at_ann, mut at_bob] = Socket::of([&ann, &bob]).await;

        for n in 0..100 {
            at_ann
                .ask(json!({ "type": "send_message", "conversation_id": group, "content": format!("ann {n}") }))
                .await;
        }
        let mut heard = vec![];
        for _ in 0..100 {
            heard.push(at_ann.hear().await);
        }

        are_in_order(&heard, 100);
        assert_eq!(hear_exactly(&mut at_bob, 100).await, heard);
    }

    async fn many_conversations_at_once_have_an_order_each(server: Server) {
        let people = crowd(&server).await;
        let groups = join_all((0..5).map(|_| group(&people))).await;
        let mut sockets = Socket::of(people.each_ref()).await;

        let talks = sockets
            .iter_mut()
            .zip(&people)
            .enumerate()
            .map(|(n, (socket, person))| talk(socket, groups[n % 5], person));
        let mut heard = join_all(talks).await;
        all_hear_the_rest(&mut sockets, &mut heard, SENDERS * EACH).await;

        for own in &heard {
            for group in &groups {
                let of_group: Vec<_> =
                    own.iter().filter(|frame| frame["data"]["conversation_id"] == *group).cloned().collect();
                are_in_order(&of_group, SENDERS / 5 * EACH);
            }
        }
    }

    async fn a_member_removed_in_the_middle_hears_nothing_after_and_one_added_everything_after(server: Server) {
        let people = crowd(&server).await;
        let [gone, late] = server.people(["gone", "late"]).await;
        let mut members: Vec<_> = people[1..].iter().collect();
        members.push(&gone);
        let group = people[0].group(&members).await;
        let mut sockets = Socket::of(people.each_ref()).await;
        let [mut at_gone, mut at_late] = Socket::of([&gone, &late]).await;
        let (owner, others) = sockets.split_first_mut().unwrap();

        let change = async {
            let mut heard = vec![];
            while heard.len() < 40 {
                heard.push(owner.hear().await);
            }
            let remove = json!({ "type": "remove_member", "conversation_id": group, "username": "gone", "ref": 1 });
            ask(owner, remove, &mut heard).await;
            let add = json!({ "type": "add_member", "conversation_id": group, "username": "late", "ref": 2 });
            ask(owner, add, &mut heard).await;
            heard
        };
        let talks = others.iter_mut().zip(&people[1..]).map(|(socket, person)| talk(socket, group, person));
        let (mut all, _) = join(change, join_all(talks)).await;
        let total = (SENDERS - 1) * EACH + 2;
        hear_the_rest(owner, &mut all, total).await;

        are_in_order(&all, total);
        let place = |kind: &str| all.iter().position(|frame| frame["type"] == kind).unwrap();
        let (before, after) = (&all[..=place("remove_member")], &all[place("add_member")..]);
        assert_eq!(hear_exactly(&mut at_gone, before.len()).await, before);
        assert_eq!(hear_exactly(&mut at_late, after.len()).await, after);
    }

    async fn one_who_comes_and_goes_hears_what_happens_in_between(server: Server) {
        let people = crowd(&server).await;
        let bob = server.person("bob").await;
        let group = group(&people).await;
        let mut sockets = Socket::of(people.each_ref()).await;
        let [mut at_bob, mut at_bob_too] = Socket::of([&bob, &bob]).await;
        let (owner, others) = sockets.split_first_mut().unwrap();

        let comings_and_goings = async {
            let mut heard = vec![];
            for n in 0..EACH {
                for kind in ["add_member", "remove_member"] {
                    let reference = format!("{kind} {n}");
                    let request =
                        json!({ "type": kind, "conversation_id": group, "username": "bob", "ref": reference });
                    ask(owner, request, &mut heard).await;
                }
            }
            heard
        };
        let talks = others.iter_mut().zip(&people[1..]).map(|(socket, person)| talk(socket, group, person));
        let (mut all, _) = join(comings_and_goings, join_all(talks)).await;
        let total = (SENDERS - 1) * EACH + 2 * EACH;
        hear_the_rest(owner, &mut all, total).await;

        are_in_order(&all, total);
        let mut is_member = false;
        let mut expected = all.clone();
        expected.retain(|frame| {
            let is_heard = is_member || frame["type"] == "add_member";
            is_member = is_heard && frame["type"] != "remove_member";
            is_heard
        });
        for socket in [&mut at_bob, &mut at_bob_too] {
            assert_eq!(hear_exactly(socket, expected.len()).await, expected);
        }
    }
}
