//! What is particular to a file: opening, opening at once, reopening, and what its pages still hold.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::testing::new_user;
use chat_core::{
    Action, Change, Content, ConversationId, Draft, EventKind, MessageId, NewConversation, NewUser, Seq, Storage,
    Timeline, Timestamp, UserId, UserKey, UserStorage, Visibility,
};
use chat_sqlite::{Found, OpenError, SqliteSettings, SqliteStorage};
use std::path::Path;
use std::process::{Command, Stdio};

const AT: Timestamp = Timestamp(1_700_000_000);

async fn user(storage: &dyn Storage, username: &str) -> UserId {
    let email = Some(format!("{username}@example.org").parse().unwrap());
    storage.insert_user(NewUser { email, ..new_user(username) }).await.unwrap().id
}

async fn append(storage: &dyn Storage, actor: UserId, action: Action) -> Vec<EventKind> {
    let results = storage.append(&[Change { actor, at: AT, action }]).await.unwrap();
    let appended = results.into_iter().next().unwrap().unwrap();
    appended.events.into_iter().map(|event| event.kind).collect()
}

async fn group(storage: &dyn Storage, owner: UserId) -> ConversationId {
    let new = NewConversation::Group { name: None, visibility: Visibility::Private, members: vec![] };
    match append(storage, owner, Action::Create(new)).await.as_slice() {
        [EventKind::Created(conversation, _)] => conversation.id,
        other => panic!("{other:?}"),
    }
}

async fn send(storage: &dyn Storage, actor: UserId, conversation: ConversationId, words: &str) -> MessageId {
    let draft = Draft::new(words).unwrap();
    match append(storage, actor, Action::Send { conversation, draft }).await.as_slice() {
        [EventKind::Sent(message)] => message.id,
        other => panic!("{other:?}"),
    }
}

fn holds(path: &Path, words: &str) -> bool {
    let bytes = std::fs::read(path).unwrap();
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

#[tokio::test]
async fn opening_creates_the_directory_and_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/chat.db");
    SqliteStorage::open(&path).await.unwrap().close().await;
    assert!(path.is_file());
}

#[tokio::test]
async fn reopening_finds_everything_and_goes_on_counting() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.db");
    let storage = SqliteStorage::open(&path).await.unwrap();
    let ann = user(&storage, "ann").await;
    let group = group(&storage, ann).await;
    let first = send(&storage, ann, group, "first").await;
    storage.close().await;

    let storage = SqliteStorage::open(&path).await.unwrap();
    let second = send(&storage, ann, group, "second").await;
    assert!(second > first);
    let events = storage.events_after(group, Seq::ZERO, 10).await.unwrap().items;
    assert_eq!(events.iter().map(|event| event.seq.unwrap().get()).collect::<Vec<_>>(), [1, 2]);
    assert!(user(&storage, "bob").await.get() > group.get());
    storage.close().await;
}

#[tokio::test]
async fn closing_leaves_no_log_behind_and_refuses_what_comes_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.db");
    let storage = SqliteStorage::open(&path).await.unwrap();
    let ann = user(&storage, "ann").await;
    storage.find_user(&UserKey::Id(ann)).await.unwrap().unwrap();
    storage.close().await;
    assert!(!directory.path().join("chat.db-wal").exists());
    assert!(storage.find_user(&UserKey::Id(ann)).await.is_err());
    assert!(storage.put_last_online(&[ann], AT).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_file_may_be_opened_many_times_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.db");
    let opened = futures::future::join_all((0..8).map(|_| tokio::spawn(SqliteStorage::open(path.clone())))).await;
    for storage in opened {
        storage.unwrap().unwrap().close().await;
    }
}

#[tokio::test]
async fn a_new_file_may_be_opened_by_several_processes_at_once() {
    const PATH: &str = "CHAT_SQLITE_TEST_PATH";
    if let Some(path) = std::env::var_os(PATH) {
        SqliteStorage::open(path).await.unwrap().close().await;
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.db");
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_new_file_may_be_opened_by_several_processes_at_once"])
            .env(PATH, &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let processes: Vec<_> = (0..6).map(|_| start()).collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    let storage = SqliteStorage::open(&path).await.unwrap();
    assert_eq!(user(&storage, "ann").await.get(), 1);
    storage.close().await;
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("letter.txt");
    std::fs::write(&path, "Dear Ann, this is a letter and no database. ".repeat(200)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = SqliteStorage::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("{} is not a chat database", path.display()));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.db");
    execute(&path, "CREATE TABLE recipes (name TEXT)").await;
    let error = SqliteStorage::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    execute(&path, "INSERT INTO recipes VALUES ('soup')").await;
}

#[tokio::test]
async fn the_file_of_a_newer_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.db");
    SqliteStorage::open(&path).await.unwrap().close().await;
    execute(&path, "INSERT INTO _sqlx_migrations VALUES (9999, 'later', CURRENT_TIMESTAMP, TRUE, x'00', 1)").await;
    let error = SqliteStorage::open(&path).await.unwrap_err();
    assert!(error.to_string().contains("was written by a newer version of this program"), "{error}");
}

#[tokio::test]
async fn looking_at_a_file_tells_what_opening_would_find_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data/chat.db");
    let settings = SqliteSettings::new(&path);
    assert_eq!(settings.inspect().await.unwrap(), Found::Nothing);
    assert!(!path.parent().unwrap().exists());

    let storage = SqliteStorage::open(&path).await.unwrap();
    assert_eq!(settings.inspect().await.unwrap(), Found::Current, "while it is open");
    user(&storage, "ann").await;
    storage.close().await;
    let before = std::fs::read(&path).unwrap();
    assert_eq!(settings.inspect().await.unwrap(), Found::Current);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no log beside it");

    execute(&path, "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)").await;
    assert_eq!(settings.inspect().await.unwrap(), Found::Older);
    execute(&path, "INSERT INTO _sqlx_migrations VALUES (9999, 'later', CURRENT_TIMESTAMP, TRUE, x'00', 1)").await;
    let error = settings.inspect().await.unwrap_err();
    assert!(error.to_string().contains("was written by a newer version of this program"), "{error}");
    execute(&path, "DELETE FROM _sqlx_migrations WHERE version = 9999").await;
    execute(&path, "UPDATE _sqlx_migrations SET checksum = x'00'").await;
    let error = settings.inspect().await.unwrap_err();
    assert!(error.to_string().contains("differ from those this program makes"), "{error}");
}

#[tokio::test]
async fn a_cleared_file_is_empty_and_counts_on() {
    let directory = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(directory.path().join("chat.db")).await.unwrap();
    let ann = user(&storage, "ann").await;
    let group = group(&storage, ann).await;
    let message = send(&storage, ann, group, "hello").await;
    let epoch = storage.epoch().await.unwrap();

    storage.clear().await.unwrap();

    assert!(storage.list_users(None, None, 10).await.unwrap().items.is_empty());
    assert_ne!(storage.epoch().await.unwrap(), epoch);
    let again = user(&storage, "ann").await;
    assert!(again.get() > group.get());
    let group = self::group(&storage, again).await;
    assert!(send(&storage, again, group, "hello").await > message);
    storage.close().await;
}

#[tokio::test]
async fn a_directory_and_a_blocked_path_are_refused_with_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let error = SqliteStorage::open(directory.path()).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot open the database "), "{error}");
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = SqliteStorage::open(file.join("chat.db")).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot create the directory "), "{error}");
}

#[tokio::test]
async fn the_words_of_deleted_and_edited_messages_leave_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.db");
    let storage = SqliteStorage::open(&path).await.unwrap();
    let ann = user(&storage, "ann").await;
    let group = group(&storage, ann).await;
    // Some fill a few cells of a page, some pages of their own.
    let words = |n: usize| format!("secret-{n}-{}", "lorem ".repeat(if n.is_multiple_of(7) { 1_500 } else { 5 }));
    let mut messages = vec![];
    for n in 0..300 {
        messages.push(send(&storage, ann, group, &words(n)).await);
    }
    storage.checkpoint().await.unwrap();
    assert!(holds(&path, "secret-17-"));

    for (n, message) in messages.into_iter().enumerate() {
        let longer = "no longer a secret ".repeat(20);
        let action = match n % 3 {
            0 => Action::Delete { message },
            1 => Action::Edit { message, content: Content::try_from(longer).unwrap() },
            _ => Action::Edit { message, content: Content::try_from("short".to_owned()).unwrap() },
        };
        append(&storage, ann, action).await;
    }
    storage.checkpoint().await.unwrap();
    assert!(!holds(&path, "secret-"));
    assert!(!holds(&directory.path().join("chat.db-wal"), "secret-"));
    storage.close().await;
}

#[tokio::test]
async fn the_words_and_the_profile_of_a_deleted_user_leave_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.db");
    let storage = SqliteStorage::open(&path).await.unwrap();
    let (ann, unforgettable) = (user(&storage, "ann").await, user(&storage, "unforgettable").await);
    let group = group(&storage, unforgettable).await;
    append(
        &storage,
        unforgettable,
        Action::Update { conversation: group, name: Some("tea".parse().unwrap()), visibility: None },
    )
    .await;
    append(&storage, unforgettable, Action::AddMember { conversation: group, user: ann, role: None }).await;
    send(&storage, unforgettable, group, "my secret").await;
    append(&storage, unforgettable, Action::DeleteUser { user: unforgettable }).await;
    storage.checkpoint().await.unwrap();
    assert!(!holds(&path, "secret"));
    assert!(!holds(&path, "unforgettable"));
    storage.close().await;
}

/// Runs one statement on a file as any other program would.
async fn execute(path: &Path, statement: &'static str) {
    use sqlx::{ConnectOptions, Connection};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
