//! What is left of a deleted user: nothing that tells who they were or what they said. The rule: the tables and their columns
//! are asked of the database itself, so that whoever adds one is asked where a user goes in it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::postgres::Database;
use chat_tests::{Person, Server, Socket};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use std::path::Path;

/// What a person leaves behind that nobody else has; names as they are compared, too.
const TRACES: [&str; 10] = [
    "zebulon",
    "quixotic fullname",
    "zeb@private.example.org",
    "https://example.org/zebra.png",
    "-----zebra key-----",
    "first whispered words",
    "whispered words, edited",
    "whispered directly",
    "whispered before leaving",
    "$argon2",
];

/// Columns in which a number may go on standing for a user of whom nobody knows any more who they were.
const NAMELESS: [&str; 5] = ["sender_id", "actor_id", "subject_id", "direct_low", "direct_high"];

/// Where the rows of a program are.
enum Rows {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Rows {
    async fn sqlite(path: &Path) -> Self {
        let url = format!("sqlite://{}?mode=ro", path.display());
        Self::Sqlite(SqliteConnection::connect(&url).await.unwrap())
    }

    async fn postgres(database: &Database) -> Self {
        Self::Postgres(PgConnection::connect(database.url()).await.unwrap())
    }

    /// Every text that a statement finds.
    async fn texts(&mut self, sql: String) -> Vec<String> {
        match self {
            Self::Sqlite(connection) => {
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap();
                rows.iter().filter_map(|row| row.get::<Option<String>, _>(0)).collect()
            }
            Self::Postgres(connection) => {
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap();
                rows.iter().filter_map(|row| row.get::<Option<String>, _>(0)).collect()
            }
        }
    }

    /// Every column there is, as the name of its table and its own.
    async fn columns(&mut self) -> Vec<(String, String)> {
        let columns = match self {
            Self::Sqlite(_) => {
                "SELECT t.name || ' ' || c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
                WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
            }
            Self::Postgres(_) => {
                "SELECT table_schema || '.' || table_name || ' ' || column_name FROM information_schema.columns
                WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
            }
        };
        let columns = self.texts(columns.to_owned()).await;
        columns
            .iter()
            .map(|column| column.split_once(' ').unwrap())
            .map(|(t, c)| (t.to_owned(), c.to_owned()))
            .collect()
    }

    /// Every value of a column, as text in lower case; bytes in hexadecimal digits.
    async fn values(&mut self, table: &str, column: &str) -> Vec<String> {
        let text = match self {
            Self::Sqlite(_) => {
                format!(
                    "CASE typeof(\"{column}\") WHEN 'blob' THEN hex(\"{column}\") ELSE CAST(\"{column}\" AS TEXT) END"
                )
            }
            Self::Postgres(_) => format!("\"{column}\"::text"),
        };
        let values = self.texts(format!("SELECT {text} FROM {table}")).await;
        values.into_iter().map(|value| value.to_lowercase()).collect()
    }

    /// Where a trace is, as the names of columns.
    async fn found(&mut self, trace: &str) -> Vec<String> {
        let mut found = vec![];
        for (table, column) in self.columns().await {
            if self.values(&table, &column).await.iter().any(|value| value.contains(trace)) {
                found.push(format!("{table}.{column}"));
            }
        }
        found
    }

    /// The columns for users in which an id stands, besides those of what has no name any more.
    async fn named(&mut self, user: i64) -> Vec<String> {
        let mut named = vec![];
        for (table, column) in self.columns().await {
            let is_of_users = ["user_id", "contact_id", "blocked_id"].contains(&column.as_str())
                || column.ends_with("_id") && self.refers_to_users(&table, &column).await;
            if is_of_users
                && !NAMELESS.contains(&column.as_str())
                && self.values(&table, &column).await.contains(&user.to_string())
            {
                named.push(format!("{table}.{column}"));
            }
        }
        named
    }

    async fn refers_to_users(&mut self, table: &str, column: &str) -> bool {
        let referred = match self {
            Self::Sqlite(_) => format!("SELECT \"from\" FROM pragma_foreign_key_list('{table}') WHERE \"table\" = 'users'"),
            Self::Postgres(_) => format!(
                "SELECT a.attname::text FROM pg_constraint AS c
                JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
                WHERE c.contype = 'f' AND c.conrelid = '{table}'::regclass AND c.confrelid::regclass::text LIKE '%users'"
            ),
        };
        self.texts(referred).await.iter().any(|referring| referring == column)
    }
}

/// A person who has left a trace wherever one can, and one who stays.
async fn lived(server: &Server) -> (Person, Person) {
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let account = json!({
        "username": "Zebulon", "password": Person::PASSWORD, "full_name": "Quixotic Fullname",
        "email": "Zeb@private.example.org", "profile_picture": "https://example.org/zebra.png",
        "public_key": "-----zebra key-----",
    });
    server.post("/users/register", account).await.expect(201);
    let zeb = Person::log_in(server, "Zebulon").await;
    Person::log_in(server, "Zebulon").await;
    server.post("/users/token/refresh", json!({ "refresh_token": zeb.refresh_token })).await.expect(200);
    server.post("/users/forgot_password", json!({ "email": "zeb@private.example.org" })).await.expect(202);
    server.letter("Zeb@private.example.org", 2).await;
    let [mut at_zeb, mut at_ann] = Socket::of([&zeb, &ann]).await;
    at_zeb.asks(json!({ "type": "add_contact", "contact_username": "ann" })).await;
    at_zeb.asks(json!({ "type": "block_user", "username": "bob" })).await;
    zeb.put("/users/me/blocked/strangers", json!({})).await.expect(204);
    // Called after its members, of whom Zebulon is one.
    at_ann.ask(json!({ "type": "create_conversation", "members": ["Zebulon", "bob"] })).await;
    let group = at_ann.hear_of("create_conversation").await["data"]["id"].as_i64().unwrap();
    let message = zeb.send(group, "first whispered words").await["id"].as_i64().unwrap();
    zeb.patch(&format!("/messages/{message}"), json!({ "content": "whispered words, edited" })).await.expect(200);
    let answer =
        ann.post(&format!("/conversations/{group}/messages"), json!({ "content": "ah", "reply_id": message })).await;
    zeb.put("/messages/read", json!({ "message_ids": [answer.body["id"]] })).await.expect(200);
    let direct = zeb.put(&format!("/conversations/direct/{}", ann.id), json!({})).await.body["id"].as_i64().unwrap();
    zeb.send(direct, "whispered directly").await;
    let left = ann.group(&[&zeb]).await;
    zeb.send(left, "whispered before leaving").await;
    ann.delete(&format!("/groups/{left}/members/{}", zeb.id)).await.expect(204);
    at_ann.asks(json!({ "type": "ping" })).await;
    bob.put(&format!("/users/me/blocked/{}", zeb.id), json!({})).await.expect(204);
    (ann, zeb)
}

async fn nothing_is_left_in_any_column(server: &Server, mut rows: Rows) {
    let (_, zeb) = lived(server).await;
    for trace in TRACES.iter().filter(|trace| **trace != "first whispered words") {
        assert!(!rows.found(trace).await.is_empty(), "{trace:?} was never there, so nothing is shown");
    }
    let named = rows.named(zeb.id).await;
    for table in ["contacts", "logins", "codes", "blocks", "members"] {
        assert!(named.iter().any(|column| column.contains(table)), "{table} is not among {named:?}");
    }

    zeb.delete("/users/me").await.expect(200);

    for trace in TRACES {
        // Others have passwords, too.
        let allowed = |column: &String| trace == "$argon2" && column.ends_with("users.password");
        let found = rows.found(trace).await;
        assert!(found.iter().all(allowed), "{trace:?} is in {found:?}");
    }
    let passwords = if let Rows::Sqlite(_) = rows { "users" } else { "chat.users" };
    assert_eq!(rows.values(passwords, "password").await.len(), 2, "those of ann and bob");
    let named = rows.named(zeb.id).await;
    assert!(named.is_empty(), "{named:?}");
}

#[tokio::test]
async fn in_sqlite_no_column_tells_who_a_deleted_user_was() {
    let server = Server::start_with(&[]).await;
    let rows = Rows::sqlite(&server.directory().join(".data/chat.db")).await;
    nothing_is_left_in_any_column(&server, rows).await;
}

#[tokio::test]
async fn in_postgres_no_column_tells_who_a_deleted_user_was() {
    let database = Database::create().await;
    let server = Server::start_on(database.url()).await;
    let rows = Rows::postgres(&database).await;
    nothing_is_left_in_any_column(&server, rows).await;
}

/// Whether bytes are in a file, whatever their case.
fn holds(path: &Path, trace: &str) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.windows(trace.len()).any(|window| window.eq_ignore_ascii_case(trace.as_bytes()))
}

#[tokio::test]
async fn after_a_stop_no_byte_of_the_file_tells_who_a_deleted_user_was() {
    let server = Server::start_with(&[]).await;
    let (_, zeb) = lived(&server).await;
    let server = server.restart().await;
    let file = |server: &Server, name: &str| server.directory().join(".data").join(name);
    assert!(
        TRACES
            .iter()
            .filter(|trace| **trace != "first whispered words")
            .all(|trace| holds(&file(&server, "chat.db"), trace))
    );

    Person::log_in(&server, "Zebulon").await.delete("/users/me").await.expect(200);
    let server = server.restart().await;

    for trace in TRACES.iter().filter(|trace| **trace != "$argon2") {
        for name in ["chat.db", "chat.db-wal"] {
            assert!(!holds(&file(&server, name), trace), "{trace:?} of {} is in {name}", zeb.id);
        }
    }
}
