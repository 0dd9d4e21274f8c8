//! Statements on users. The rule: a deleted user stays as a row without anything personal, and no statement here finds it.

use crate::fields::unreadable;
use crate::tables::{Main, Users};
use crate::{Database, Dialect, Done, Transaction, codes, fields, one_more};
use chat_core::{Email, NewUser, ProfileUpdate, Search, Timestamp, User, UserId, UserKey, Username};
use sea_query::{Expr, ExprTrait, InsertStatement, LockType, Order, Query, SelectStatement, UpdateStatement};

/// The columns of a [`User`], in the order of its fields.
pub const COLUMNS: [Users; 10] = [
    Users::Id,
    Users::Username,
    Users::Fullname,
    Users::Email,
    Users::EmailVerified,
    Users::ProfilePicture,
    Users::PublicKey,
    Users::IsAdmin,
    Users::LastOnline,
    Users::CreatedAt,
];

/// Stores a user, inside an open transaction. Uniqueness is the database's to keep.
///
/// # Errors
/// If the database fails, or a name is taken.
pub async fn store(transaction: &mut impl Transaction, user: &NewUser) -> Done<User> {
    let id = transaction.draw_id().await?.try_into().map_err(unreadable)?;
    transaction.execute(&insert(id, user)).await?;
    transaction.fetch(&find(&UserKey::Id(id)), fields::user).await
}

/// Finds one user.
#[must_use]
pub fn find(key: &UserKey) -> SelectStatement {
    let is_meant = match key {
        UserKey::Id(id) => column(Users::Id).eq(id.get()),
        UserKey::Username(username) => column(Users::UsernameKey).eq(username.key()),
        UserKey::Email(email) => column(Users::EmailKey).eq(email.key()),
    };
    living().and_where(is_meant).take()
}

/// Finds the user who has this address, and keeps others from changing the row until the transaction ends.
#[must_use]
pub fn find_and_keep(email: &Email) -> SelectStatement {
    find(&UserKey::Email(email.clone())).lock(LockType::NoKeyUpdate).take()
}

/// Replaces where mail reaches a user, and kills the codes that were mailed to the former address, inside an open transaction.
///
/// # Errors
/// If the database fails, or the address is taken.
pub async fn replace_email(database: &mut impl Database, user: UserId, email: Option<&Email>) -> Done<Option<User>> {
    let changed = database.find(&put_email(user, email), fields::user).await?;
    database.execute(&codes::expire_all(user)).await?;
    Ok(changed)
}

/// Finds the users with these names.
#[must_use]
pub fn find_all(usernames: &[Username]) -> SelectStatement {
    living().and_where(column(Users::UsernameKey).is_in(usernames.iter().map(Username::key))).take()
}

/// Lists users by rising id.
#[must_use]
pub fn list(dialect: Dialect, search: Option<&Search>, after: Option<UserId>, limit: u32) -> SelectStatement {
    let matches = search.map(Search::key).map(|term| {
        let in_username = dialect.contains(column(Users::UsernameKey), &term);
        in_username.or(dialect.contains(column(Users::FullnameKey), &term))
    });
    living()
        .and_where_option(after.map(|after| column(Users::Id).gt(after.get())))
        .and_where_option(matches)
        .order_by((Users::Table, Users::Id), Order::Asc)
        .limit(one_more(limit))
        .take()
}

/// Stores a user under `id`.
fn insert(id: UserId, user: &NewUser) -> InsertStatement {
    let columns = [
        Users::Id,
        Users::Username,
        Users::UsernameKey,
        Users::Fullname,
        Users::FullnameKey,
        Users::Email,
        Users::EmailKey,
        Users::ProfilePicture,
        Users::PublicKey,
        Users::Password,
        Users::IsAdmin,
        Users::CreatedAt,
    ];
    let values: [Expr; 12] = [
        id.get().into(),
        user.username.as_str().into(),
        user.username.key().into(),
        user.fullname.as_str().into(),
        Search::folded(user.fullname.as_str()).into(),
        user.email.clone().map(String::from).into(),
        user.email.as_ref().map(Email::key).into(),
        user.profile_picture.clone().map(String::from).into(),
        user.public_key.clone().map(String::from).into(),
        user.password.clone().map(String::from).into(),
        user.is_admin.into(),
        user.created_at.0.into(),
    ];
    Query::insert().into_table((Main, Users::Table)).columns(columns).values_panic(values).take()
}

/// Changes a profile and returns the user; `None` if there is nothing to change.
#[must_use]
pub fn update_profile(user: UserId, update: ProfileUpdate) -> Option<UpdateStatement> {
    let mut changes: Vec<(Users, Expr)> = vec![];
    if let Some(fullname) = update.fullname {
        changes.push((Users::FullnameKey, Search::folded(fullname.as_str()).into()));
        changes.push((Users::Fullname, String::from(fullname).into()));
    }
    if let Some(picture) = update.profile_picture {
        changes.push((Users::ProfilePicture, picture.map(String::from).into()));
    }
    if let Some(key) = update.public_key {
        changes.push((Users::PublicKey, key.map(String::from).into()));
    }
    (!changes.is_empty())
        .then(|| change(is(user)).values(changes).returning(Query::returning().columns(COLUMNS)).take())
}

/// Changes where mail reaches a user, unverified, and returns the user.
#[must_use]
pub fn put_email(user: UserId, email: Option<&Email>) -> UpdateStatement {
    change(is(user))
        .value(Users::Email, email.cloned().map(String::from))
        .value(Users::EmailKey, email.map(Email::key))
        .value(Users::EmailVerified, false)
        .returning(Query::returning().columns(COLUMNS))
        .take()
}

/// Marks a user's address as verified, and returns the user.
#[must_use]
pub fn verify_email(user: UserId) -> UpdateStatement {
    change(is(user)).value(Users::EmailVerified, true).returning(Query::returning().columns(COLUMNS)).take()
}

/// Moves the time that users were last online forward.
#[must_use]
pub fn put_last_online(users: &[UserId], at: Timestamp) -> UpdateStatement {
    let are_meant = Expr::col(Users::Id).is_in(users.iter().map(|user| user.get()));
    let is_earlier = Expr::col(Users::LastOnline).is_null().or(Expr::col(Users::LastOnline).lt(at.0));
    change(are_meant).value(Users::LastOnline, at.0).and_where(is_earlier).take()
}

/// Replaces a hashed password.
pub(crate) fn put_password(user: UserId, password: &str) -> UpdateStatement {
    change(is(user)).value(Users::Password, password).take()
}

/// Finds a hashed password.
#[must_use]
pub fn find_password(user: UserId) -> SelectStatement {
    let is_meant = is(user).and(Expr::col(Users::Deleted).eq(false));
    Query::select().column(Users::Password).from((Main, Users::Table)).and_where(is_meant).take()
}

/// Selects the users that are not deleted, for further conditions and joins.
pub(crate) fn living() -> SelectStatement {
    let columns = COLUMNS.map(|column| (Users::Table, column));
    Query::select().columns(columns).from((Main, Users::Table)).and_where(column(Users::Deleted).eq(false)).take()
}

fn change(are_meant: Expr) -> UpdateStatement {
    let are_meant = are_meant.and(Expr::col(Users::Deleted).eq(false));
    Query::update().table((Main, Users::Table)).and_where(are_meant).take()
}

fn is(user: UserId) -> Expr {
    Expr::col(Users::Id).eq(user.get())
}

fn column(column: Users) -> Expr {
    Expr::col((Users::Table, column))
}
