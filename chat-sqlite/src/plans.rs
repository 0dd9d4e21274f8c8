//! How SQLite will carry out the statements that matter. The rule: each reads the part of an index that holds the answer, and
//! none walks or sorts messages, events or members.

use crate::SqliteStorage;
use crate::transaction::{FACTS, MOVE_MARKS, STANDINGS};
use chat_core::{ConversationId, LoginId, UserId};
use chat_sql::conversations::{LIST_CONVERSATIONS, LIST_POSITIONS};
use chat_sql::timeline::{
    EMPTY_MESSAGES, EVENTS_AFTER, FIND_TRACES, HISTORY_AFTER, HISTORY_BEFORE, HISTORY_LATEST, SITUATION,
};
use sea_query::SqliteQueryBuilder;
use sqlx::AssertSqlSafe;

/// The steps of a plan, one on each line.
async fn plan(sql: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(directory.path().join("chat.db")).await.unwrap();
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&storage.readers).await.unwrap();
    storage.close().await;
    steps.into_iter().map(|(_, _, _, step)| step.replace("main.", "") + "\n").collect()
}

/// Fails if a step walks one of `tables` instead of searching an index of it.
fn assert_no_walk(plan: &str, tables: &[&str]) {
    let walked = plan.lines().filter_map(|step| step.trim().strip_prefix("SCAN ")?.split(' ').next());
    for table in walked {
        assert!(!tables.contains(&table), "walks {table}:\n{plan}");
    }
}

const LARGE: [&str; 8] = ["messages", "events", "members", "users", "conversations", "unread", "c", "sender"];
const SORTS: &str = "USE TEMP B-TREE";

#[tokio::test]
async fn history_reads_one_index_in_order() {
    for sql in [HISTORY_LATEST, HISTORY_BEFORE, HISTORY_AFTER] {
        let plan = plan(sql).await;
        assert_no_walk(&plan, &LARGE);
        assert_no_walk(&plan, &["m"]);
        assert!(!plan.contains(SORTS), "{plan}");
        assert!(plan.contains("SEARCH m USING INDEX messages_by_seq (conversation_id=?"), "{plan}");
    }
}

#[tokio::test]
async fn history_from_a_message_searches_places_by_halves() {
    for sql in [HISTORY_BEFORE, HISTORY_AFTER] {
        let plan = plan(sql).await;
        assert!(
            plan.contains("SEARCH messages USING COVERING INDEX messages_by_seq (conversation_id=? AND seq>?)"),
            "{plan}"
        );
        assert!(plan.contains("SEARCH m USING INDEX messages_by_seq (conversation_id=? AND seq"), "{plan}");
    }
}

#[tokio::test]
async fn events_read_two_ranges_in_order() {
    let plan = plan(EVENTS_AFTER).await;
    assert_no_walk(&plan, &LARGE);
    assert!(!plan.contains(SORTS), "{plan}");
    assert!(plan.contains("SEARCH messages USING INDEX messages_by_seq (conversation_id=? AND seq>?)"), "{plan}");
    assert!(plan.contains("SEARCH events USING PRIMARY KEY (conversation_id=? AND seq>?)"), "{plan}");
}

#[tokio::test]
async fn a_list_of_conversations_sorts_only_the_memberships_of_one_user() {
    let plan = plan(LIST_CONVERSATIONS).await;
    assert_no_walk(&plan, &LARGE);
    assert_no_walk(&plan, &["m"]);
    assert_eq!(plan.matches(SORTS).count(), 1, "{plan}");
    assert!(plan.contains("SEARCH members USING INDEX members_by_user (user_id=?)"), "{plan}");
}

#[tokio::test]
async fn unread_counts_read_nothing_but_their_index() {
    for sql in [LIST_CONVERSATIONS, LIST_POSITIONS] {
        let plan = plan(sql).await;
        let reads = "SEARCH unread USING COVERING INDEX messages_by_seq (conversation_id=? AND seq>?)";
        assert!(plan.contains(reads), "{plan}");
        assert_no_walk(&plan, &LARGE);
    }
}

#[tokio::test]
async fn what_a_change_reads_is_searched() {
    for sql in [FACTS, STANDINGS, MOVE_MARKS, SITUATION, FIND_TRACES, EMPTY_MESSAGES] {
        let plan = plan(sql).await;
        assert_no_walk(&plan, &LARGE);
        assert_no_walk(&plan, &["m"]);
    }
    let plan = plan(FACTS).await;
    assert!(!plan.contains(SORTS), "{plan}");
}

#[tokio::test]
async fn lists_of_members_and_public_groups_follow_an_index() {
    let (viewer, conversation) = (UserId::try_from(1).unwrap(), ConversationId::try_from(2).unwrap());
    let members = chat_sql::conversations::list_members(viewer, conversation, Some(7), 10);
    let groups = chat_sql::conversations::list_public_groups(chat_sql::Dialect::Sqlite, None, Some(conversation), 10);
    for (statement, index) in [(members, "members_by_rank"), (groups, "conversations_public")] {
        let plan = plan(&statement.to_string(SqliteQueryBuilder)).await;
        assert_no_walk(&plan, &LARGE);
        assert!(!plan.contains(SORTS), "{plan}");
        assert!(plan.contains(index), "{plan}");
    }
}

#[tokio::test]
async fn a_refresh_searches_the_tokens_of_its_login() {
    let statement = chat_sql::logins::remove_old_spent(LoginId::try_from(1).unwrap());
    let plan = plan(&statement.to_string(SqliteQueryBuilder)).await;
    assert_no_walk(&plan, &["spent_tokens"]);
    assert!(!plan.contains(SORTS), "{plan}");
}

#[tokio::test]
async fn everyday_lists_search_an_index() {
    let user = UserId::try_from(1).unwrap();
    for statement in [chat_sql::contacts::list(user), chat_sql::conversations::list_memberships(user)] {
        assert_no_walk(&plan(&statement.to_string(SqliteQueryBuilder)).await, &LARGE);
    }
    for statement in chat_sql::contacts::remove_all(user) {
        assert_no_walk(&plan(&statement.to_string(SqliteQueryBuilder)).await, &["contacts"]);
    }
}
