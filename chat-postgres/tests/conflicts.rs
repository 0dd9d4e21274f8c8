//! What the database undoes: done again where that helps, and given up at once where it does not; and how often it is asked.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::{
    Action, Change, Chat, ConversationId, Draft, NewGroup, Seq, Storage, StorageError, Timeline, Timestamp, UserId,
    UserKey, UserStorage,
};
use chat_postgres::{PgSettings, PgStorage};
use chat_tests::postgres::Database;
use chat_tests::{PATIENCE, Proxy};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::sync::Arc;
use tokio::time::timeout;

/// A storage with two groups in it, and a way of the host's to the same database.
struct Scene {
    storage: PgStorage,
    ann: UserId,
    groups: [ConversationId; 2],
    host: PgConnection,
    _database: Database,
}

impl Scene {
    async fn new() -> Self {
        let database = Database::create().await;
        let storage = PgStorage::open(database.url()).await.unwrap();
        let (ann, groups) = set(&storage).await;
        let host = PgConnection::connect(database.url()).await.unwrap();
        Self { storage, ann, groups, host, _database: database }
    }

    async fn execute(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.host).await.unwrap();
    }

    async fn count(&mut self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.host).await.unwrap()
    }

    async fn last_seq(&self, group: ConversationId) -> Option<Seq> {
        self.storage.events_after(group, Seq::ZERO, 100).await.unwrap().items.pop()?.seq
    }
}

async fn set(storage: &PgStorage) -> (UserId, [ConversationId; 2]) {
    let chat = Chat::builder(Arc::new(storage.clone()) as Arc<dyn Storage>).build();
    let ann = chat.create_user("ann".parse().unwrap()).await.unwrap().id;
    let mut groups = [ConversationId::MIN; 2];
    for group in &mut groups {
        *group = chat.create_group(ann, NewGroup::default()).await.unwrap().id();
    }
    (ann, groups)
}

fn say(ann: UserId, conversation: ConversationId) -> Change {
    let action = Action::Send { conversation, draft: Draft::new("hello").unwrap() };
    Change { actor: ann, at: Timestamp(1), action }
}

/// Has storing a message fail so often with a code, which says how often it was tried.
fn failing(code: &str, times: u32) -> String {
    format!(
        "CREATE SEQUENCE tries;
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('public.tries') <= {times} THEN
                RAISE EXCEPTION 'not now' USING ERRCODE = '{code}';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER failing BEFORE INSERT ON chat.messages FOR EACH ROW EXECUTE FUNCTION fail()"
    )
}

#[tokio::test]
async fn what_the_database_undoes_in_passing_is_done_again() {
    // A serialization failure, a deadlock, a lock not got in time, a server that stops or starts, one that only reads since
    // another has taken over, one that is full.
    for code in ["40001", "40P01", "55P03", "57P01", "57P03", "25006", "53300", "08006"] {
        let mut scene = Scene::new().await;
        scene.execute(&failing(code, 3)).await;

        let results = scene.storage.append(&[say(scene.ann, scene.groups[0])]).await.unwrap();

        assert!(results[0].as_ref().unwrap().is_new, "{code}");
        assert_eq!(scene.last_seq(scene.groups[0]).await, Seq::try_from(1).ok(), "{code}");
        assert_eq!(scene.count("SELECT last_value FROM tries").await, 4, "{code}");
    }
}

#[tokio::test]
async fn what_fails_for_good_is_unavailable_at_once() {
    // A full disk, a broken page, a rule of somebody's own.
    for code in ["53100", "XX001", "P0001"] {
        let mut scene = Scene::new().await;
        scene.execute(&failing(code, 1)).await;

        let result = scene.storage.append(&[say(scene.ann, scene.groups[0])]).await;

        assert!(matches!(result, Err(StorageError::Unavailable(_))), "{code}: {result:?}");
        assert_eq!(scene.count("SELECT last_value FROM tries").await, 1, "{code}");
        assert_eq!(scene.last_seq(scene.groups[0]).await, None, "{code}");
    }
}

/// Who has to give way is whoever notices first.
#[tokio::test]
async fn a_deadlock_with_the_host_costs_nobody_a_message() {
    const ROUNDS: usize = 20;
    let mut scene = Scene::new().await;
    let [first, second] = scene.groups;
    let lock = |group: ConversationId| format!("SELECT 1 FROM chat.conversations WHERE id = {group} FOR UPDATE");
    let mut has_given_way = false;
    for _ in 0..ROUNDS {
        // The host locks in the wrong order.
        scene.execute(&format!("BEGIN; {}", lock(second))).await;
        let (storage, batch) = (scene.storage.clone(), [say(scene.ann, first), say(scene.ann, second)]);
        let appending = tokio::spawn(async move { storage.append(&batch).await.unwrap() });
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))";
        let behind_the_host = async { while scene.count(waits).await == 0 {} };
        timeout(PATIENCE, behind_the_host).await.unwrap();
        let locked = sqlx::raw_sql(AssertSqlSafe(lock(first))).execute(&mut scene.host);
        has_given_way = timeout(PATIENCE, locked).await.unwrap().is_ok();
        scene.execute("ROLLBACK").await;

        let results = timeout(PATIENCE, appending).await.unwrap().unwrap();

        assert!(results.iter().all(|result| result.as_ref().unwrap().is_new));
        if has_given_way {
            break;
        }
    }
    assert!(has_given_way, "the storage was never the one to give way");
}

#[tokio::test]
async fn a_batch_takes_as_many_round_trips_however_long_it_is() {
    let database = Database::create().await;
    let proxy = Proxy::to(database.url()).await;
    // With one connection, so that whoever comes next finds what was said on it before.
    let settings = PgSettings::parse(&proxy.url()).unwrap().connections(1);
    let storage = PgStorage::connect(settings).await.unwrap();
    let (ann, groups) = set(&storage).await;
    let mut taken = vec![];
    // The first of all prepares the statements.
    for length in [1, 1, 500] {
        let batch: Vec<_> = groups.iter().cycle().take(length).map(|group| say(ann, *group)).collect();
        storage.find_user(&UserKey::Id(ann)).await.unwrap();
        let before = proxy.round_trips();
        let results = storage.append(&batch).await.unwrap();
        // Its connection is given back once it is asked whether it is well.
        storage.find_user(&UserKey::Id(ann)).await.unwrap();
        taken.push(proxy.round_trips() - before);
        assert!(results.iter().all(Result::is_ok));
    }

    assert_eq!(taken[1], taken[2]);
}
