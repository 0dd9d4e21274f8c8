//! How Postgres will carry out the statements that matter, whatever their parameters are. The rule: each reads the part of an
//! index that holds the answer, and none walks messages, events, members, users or conversations.

use crate::schema::Schema;
use crate::transaction::{FACTS, MOVE_MARKS, STANDINGS, WRITE};
use chat_core::{ConversationId, UserId};
use chat_sql::conversations::{LIST_CONVERSATIONS, LIST_POSITIONS};
use chat_sql::timeline::{
    EMPTY_MESSAGES, EVENTS_AFTER, FIND_TRACES, HISTORY_AFTER, HISTORY_BEFORE, HISTORY_LATEST, SITUATION,
};
use chat_tests::postgres::Database;
use sea_query::PostgresQueryBuilder;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

/// A database in which walking would take long: a group of 2,000 members with 20,000 messages, and many small ones.
struct Scene {
    connection: PgConnection,
    _database: Database,
}

const FILL: &str = "
    INSERT INTO main.users (id, username, username_key, fullname, fullname_key, created_at)
        SELECT n, 'user' || n, 'user' || n, 'user', 'user', 1 FROM generate_series(1, 50000) AS n;
    INSERT INTO main.conversations (id, kind, name, name_key, visibility, created_at, last_seq, member_count, activity)
        SELECT n, 'group', 'tea', 'tea', CASE WHEN n % 10 = 0 THEN 'public' ELSE 'private' END, 1,
            CASE WHEN n = 10001 THEN 20000 ELSE 2 END, 2, n FROM generate_series(10001, 15000) AS n;
    INSERT INTO main.members (conversation_id, user_id, role, join_rank, joined_at, read_seq)
        SELECT 10001, n, 'member', n, 1, 19990 FROM generate_series(1, 2000) AS n
        UNION ALL SELECT n, n % 5000 + 1, 'owner', n, 1, 0 FROM generate_series(10002, 15000) AS n
        UNION ALL SELECT n, (n + 7) % 5000 + 1, 'member', n + 10000, 1, 0 FROM generate_series(10002, 15000) AS n;
    INSERT INTO main.messages (id, conversation_id, seq, sender_id, content, nonce, sent_at)
        SELECT n, 10001, n, n % 2000 + 1, 'hello', n::text, 1 FROM generate_series(1, 20000) AS n
        UNION ALL SELECT n + 20000, 10000 + n / 2, n % 2 + 1, n % 5000 + 1, 'hello', NULL, 1
            FROM generate_series(4, 10000) AS n;
    INSERT INTO main.events (conversation_id, seq, kind, actor_id)
        SELECT 10001, n, 'updated', 1 FROM generate_series(20001, 30000) AS n;
    ANALYZE main.users; ANALYZE main.conversations; ANALYZE main.members; ANALYZE main.messages; ANALYZE main.events";

const LARGE: [&str; 5] = ["messages", "events", "members", "users", "conversations"];

impl Scene {
    async fn new() -> Self {
        let database = Database::create().await;
        let connection = PgConnection::connect(database.url()).await.unwrap();
        let mut scene = Self { connection, _database: database };
        scene.run(FILL).await;
        // What is visible to all is known only after this, and lets an index answer alone.
        scene.run("VACUUM main.messages").await;
        scene.run("SET plan_cache_mode = force_generic_plan").await;
        scene
    }

    async fn run(&mut self, sql: &str) {
        sqlx::raw_sql(Schema::default().fill(sql)).execute(&mut self.connection).await.unwrap();
    }

    /// The plan of a statement that walks no large table, whatever its parameters are.
    async fn searches(&mut self, sql: &str) -> String {
        let count = (1..).take_while(|n| sql.contains(&format!("${n}"))).count();
        self.searches_for(sql, &vec!["NULL"; count].join(", ")).await
    }

    /// The same for these parameters.
    async fn searches_for(&mut self, sql: &str, parameters: &str) -> String {
        // The type of the one that may be missing cannot be told from the text.
        let types = if sql == LIST_CONVERSATIONS { "(bigint, text, bigint)" } else { "" };
        self.run(&format!("DEALLOCATE ALL; PREPARE planned {types} AS {sql}")).await;
        let given = if parameters.is_empty() { String::new() } else { format!("({parameters})") };
        let explain = AssertSqlSafe(format!("EXPLAIN (COSTS OFF) EXECUTE planned {given}"));
        let rows = sqlx::raw_sql(explain).fetch_all(&mut self.connection).await.unwrap();
        let plan: String = rows.iter().map(|row| row.get::<String, _>(0) + "\n").collect();
        for table in LARGE {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "walks {table}:\n{sql}\n{plan}");
        }
        plan
    }
}

#[tokio::test]
async fn history_reads_one_index_in_order() {
    let mut scene = Scene::new().await;
    for sql in [HISTORY_LATEST, HISTORY_BEFORE, HISTORY_AFTER] {
        let plan = scene.searches(sql).await;
        assert!(plan.contains("using messages_by_seq on messages m\n"), "{plan}");
        assert!(!plan.contains("Sort"), "{plan}");
    }
}

#[tokio::test]
async fn events_read_two_ranges() {
    let mut scene = Scene::new().await;
    // Planned anew each time: Postgres sees that a plan for any number of rows would be dearer.
    scene.run("SET plan_cache_mode = force_custom_plan").await;
    let plan = scene.searches_for(EVENTS_AFTER, "10001, 100, 101").await;
    assert!(plan.contains("using messages_by_seq on messages"), "{plan}");
    assert!(plan.contains("using events_pkey on events"), "{plan}");
}

#[tokio::test]
async fn unread_counts_read_nothing_but_their_index() {
    let mut scene = Scene::new().await;
    for sql in [LIST_CONVERSATIONS, LIST_POSITIONS] {
        let plan = scene.searches(sql).await;
        assert!(plan.contains("members_by_user"), "{plan}");
        assert!(plan.contains("Index Only Scan using messages_by_seq on messages unread\n"), "{plan}");
    }
}

#[tokio::test]
async fn what_a_change_reads_and_writes_is_searched() {
    let mut scene = Scene::new().await;
    for sql in [FACTS, STANDINGS, MOVE_MARKS, WRITE, SITUATION, FIND_TRACES, EMPTY_MESSAGES] {
        scene.searches(sql).await;
    }
}

#[tokio::test]
async fn everyday_lists_search_an_index() {
    let mut scene = Scene::new().await;
    let (viewer, conversation) = (UserId::try_from(1).unwrap(), ConversationId::try_from(10_001).unwrap());
    let members = chat_sql::conversations::list_members(viewer, conversation, Some(7), 10);
    let groups = chat_sql::conversations::list_public_groups(chat_sql::Dialect::Postgres, None, Some(conversation), 10);
    for (statement, index) in [(members, "members_by_rank"), (groups, "conversations_public")] {
        let plan = scene.searches(&statement.to_string(PostgresQueryBuilder)).await;
        assert!(plan.contains(index), "{plan}");
    }
    for statement in [chat_sql::contacts::list(viewer), chat_sql::conversations::list_memberships(viewer)] {
        scene.searches(&statement.to_string(PostgresQueryBuilder)).await;
    }
}
