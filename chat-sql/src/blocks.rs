//! Statements on blocks. The rule: what "closed" means is said once, by [`closed!`](crate::closed), and asked inside the
//! transaction of whatever depends on it. A user's block of strangers is a row that names the user.

use crate::tables::{Blocks, Main, Users};
use crate::timeline::check_user;
use crate::{Database, Done, Fields, contacts, fields, one_more, sql, users};
use chat_core::rules::{self, Reach};
use chat_core::{Blocked, ConversationId, Page, StorageError, Timestamp, User, UserId, limits};
use sea_query::{DeleteStatement, Expr, ExprTrait, InsertStatement, OnConflict, Order, Query, SelectStatement, Values};

/// Whether user `$user` is closed to `$viewer`, both SQL; false where there is no such user.
#[macro_export]
macro_rules! closed {
    ($user:literal, $viewer:literal) => {
        concat!(
            "((EXISTS (SELECT 1 FROM main.blocks AS b WHERE b.user_id = ",
            $user,
            " AND b.blocked_id = ",
            $viewer,
            ")
            OR (EXISTS (SELECT 1 FROM main.blocks AS b WHERE b.user_id = ",
            $user,
            " AND b.blocked_id = ",
            $user,
            ")
                AND NOT EXISTS (SELECT 1 FROM main.contacts AS k
                    WHERE k.user_id = ",
            $user,
            " AND k.contact_id = ",
            $viewer,
            ")))
            AND NOT EXISTS (SELECT 1 FROM main.users AS x WHERE x.id = ",
            $viewer,
            " AND x.is_admin = TRUE))"
        )
    };
}

/// What stands between `$actor` and `$user`, both SQL, as [`optional_reach`] reads it.
#[macro_export]
macro_rules! reach {
    ($actor:literal, $user:literal) => {
        concat!(
            "CASE WHEN ",
            $user,
            " IS NULL OR ",
            $user,
            " = ",
            $actor,
            " THEN NULL
            WHEN EXISTS (SELECT 1 FROM main.blocks AS b WHERE b.user_id = ",
            $actor,
            " AND b.blocked_id = ",
            $user,
            ")
                THEN 'blocked'
            WHEN ",
            $crate::closed!($user, $actor),
            " THEN 'closed' END"
        )
    };
}

/// The other one of a direct conversation `c` that `$member` is in; no row for a group.
#[macro_export]
macro_rules! join_other {
    ($member:literal) => {
        concat!(
            "LEFT JOIN main.users AS other
                ON other.id = CASE WHEN c.direct_low = ",
            $member,
            " THEN c.direct_high ELSE c.direct_low END"
        )
    };
}

/// Reads what stands between two users.
///
/// # Errors
/// If the column holds something else.
pub fn optional_reach(row: &mut Fields<'_>) -> sqlx::Result<Reach> {
    Ok(row.optional_word(Reach::from_stored)?.unwrap_or_default())
}

/// Fails if one of these users cannot be reached, inside an open transaction.
///
/// # Errors
/// `Forbidden` as the rules say.
pub async fn check_reach(database: &mut impl Database, actor: UserId, users: &[UserId]) -> Done<()> {
    let reaches = concat!(
        "SELECT r.reach FROM (SELECT ",
        crate::reach!("$1", "u.id"),
        " AS reach FROM main.users AS u WHERE u.id IN ($2)) AS r WHERE r.reach IS NOT NULL"
    );
    for reach in database.list(with_ids(reaches, actor, users), optional_reach).await? {
        rules::reach(reach)?;
    }
    Ok(())
}

/// Finds those of `users` who are closed to `viewer`.
///
/// # Errors
/// If the database fails.
pub async fn find_closed(database: &mut impl Database, viewer: UserId, users: &[UserId]) -> Done<Vec<UserId>> {
    let closed = concat!(
        "SELECT u.id FROM main.users AS u WHERE u.id <> $1 AND u.id IN ($2) AND ",
        crate::closed!("u.id", "$1")
    );
    database.list(with_ids(closed, viewer, users), |row| row.id()).await
}

/// Puts a list in the place of the parameter `$2`. An empty one finds nothing.
fn with_ids(text: &str, user: UserId, ids: &[UserId]) -> (String, Values) {
    let places: Vec<_> = (2..ids.len() + 2).map(|place| format!("${place}")).collect();
    let list = if places.is_empty() { "NULL".to_owned() } else { places.join(", ") };
    let values = std::iter::once(user).chain(ids.iter().copied()).map(|id| id.get().into());
    (text.replace("IN ($2)", &format!("IN ({list})")), Values(values.collect()))
}

/// Whether a conversation is the direct one of two of whom one is closed to the other.
///
/// # Errors
/// If the database fails.
pub async fn is_apart(database: &mut impl Database, conversation: ConversationId) -> Done<bool> {
    let apart = concat!(
        "SELECT c.id FROM main.conversations AS c WHERE c.id = $1 AND c.direct_low IS NOT NULL AND (",
        crate::closed!("c.direct_low", "c.direct_high"),
        " OR ",
        crate::closed!("c.direct_high", "c.direct_low"),
        ")"
    );
    Ok(database.find(sql!(apart, conversation.get()), |row| row.integer()).await?.is_some())
}

/// Blocks, inside an open transaction; `false` if that was so. It refuses before it writes.
///
/// # Errors
/// `NotFound`, `Invalid` or `Forbidden`, as the storage promises.
pub async fn block(database: &mut impl Database, user: UserId, blocked: Blocked, at: Timestamp) -> Done<bool> {
    let named = named(user, blocked);
    if blocked == Blocked::User(user) {
        return Err(StorageError::Invalid { field: "user_id", message: "must be someone else" }.into());
    }
    for id in [user, named] {
        check_user(database, id).await?;
    }
    if database.find(&find(user, named), |row| row.time()).await?.is_some() {
        return Ok(false);
    }
    if let Blocked::User(other) = blocked {
        let count: u64 = database.fetch(&count(user), |row| row.count()).await?;
        if count >= limits::BLOCKS_MAX {
            return Err(StorageError::Forbidden("too many users are blocked").into());
        }
        database.execute(&contacts::remove(user, other)).await?;
    }
    Ok(database.execute(&insert(user, named, at)).await? > 0)
}

fn named(user: UserId, blocked: Blocked) -> UserId {
    match blocked {
        Blocked::User(other) => other,
        Blocked::Strangers => user,
    }
}

fn insert(user: UserId, named: UserId, at: Timestamp) -> InsertStatement {
    Query::insert()
        .into_table((Main, Blocks::Table))
        .columns([Blocks::UserId, Blocks::BlockedId, Blocks::CreatedAt])
        .values_panic([user.get().into(), named.get().into(), at.0.into()])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .take()
}

/// Ends a block. One that names the user themselves is not one of a user.
#[must_use]
pub fn remove(user: UserId, blocked: Blocked) -> Option<DeleteStatement> {
    let is_meant = pair(user, named(user, blocked));
    (blocked != Blocked::User(user))
        .then(|| Query::delete().from_table((Main, Blocks::Table)).and_where(is_meant).take())
}

/// Removes all blocks of a user, and all that name them.
#[must_use]
pub fn remove_all(user: UserId) -> DeleteStatement {
    let theirs = column(Blocks::UserId).eq(user.get()).or(column(Blocks::BlockedId).eq(user.get()));
    Query::delete().from_table((Main, Blocks::Table)).and_where(theirs).take()
}

/// Lists whom a user blocks by name, by rising id.
#[must_use]
fn list(user: UserId, after: Option<UserId>, limit: u32) -> SelectStatement {
    let is_blocked = Expr::col((Blocks::Table, Blocks::BlockedId)).equals((Users::Table, Users::Id));
    let id = || Expr::col((Blocks::Table, Blocks::BlockedId));
    users::living()
        .inner_join((Main, Blocks::Table), is_blocked)
        .and_where(Expr::col((Blocks::Table, Blocks::UserId)).eq(user.get()))
        .and_where(id().ne(user.get()))
        .and_where_option(after.map(|after| id().gt(after.get())))
        .order_by((Blocks::Table, Blocks::BlockedId), Order::Asc)
        .limit(one_more(limit))
        .take()
}

/// Lists whom a user blocks by name, by rising id.
///
/// # Errors
/// If the database fails.
pub async fn page_of_blocked(
    database: &mut impl Database,
    user: UserId,
    after: Option<UserId>,
    limit: u32,
) -> Result<Page<User>, StorageError> {
    let found = database.list(&list(user, after, limit), fields::user).await?;
    Ok(Page::cut(found, limit, |user| user.id.get()))
}

/// Whether a user blocks strangers.
///
/// # Errors
/// If the database fails.
pub async fn blocks_strangers(database: &mut impl Database, user: UserId) -> Done<bool> {
    Ok(database.find(&find(user, user), |row| row.time()).await?.is_some())
}

/// A block: one row or none.
fn find(user: UserId, named: UserId) -> SelectStatement {
    Query::select().column(Blocks::CreatedAt).from((Main, Blocks::Table)).and_where(pair(user, named)).take()
}

/// Counts whom a user blocks by name.
fn count(user: UserId) -> SelectStatement {
    let by_name = column(Blocks::UserId).eq(user.get()).and(column(Blocks::BlockedId).ne(user.get()));
    Query::select().expr(column(Blocks::BlockedId).count()).from((Main, Blocks::Table)).and_where(by_name).take()
}

fn pair(user: UserId, named: UserId) -> Expr {
    column(Blocks::UserId).eq(user.get()).and(column(Blocks::BlockedId).eq(named.get()))
}

fn column(column: Blocks) -> Expr {
    Expr::col(column)
}
