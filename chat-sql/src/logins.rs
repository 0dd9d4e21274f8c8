//! Statements on logins. The rule: a revoked login is gone as a row, and the tokens it spent go with it.

use crate::tables::{Logins, Main, SpentTokens, Users};
use crate::timeline::check_user;
use crate::users;
use crate::{Database, Done, Fields, fields};
use chat_core::{
    Login, LoginId, NewLogin, PasswordHash, Rotation, StorageError, Timestamp, TokenHash, User, UserId, limits,
};
use sea_query::{DeleteStatement, Expr, ExprTrait, InsertStatement, Order, Query, SelectStatement, UpdateStatement};

/// The columns of a [`Login`], in the order of its fields.
pub const COLUMNS: [Logins; 5] =
    [Logins::Id, Logins::UserId, Logins::CreatedAt, Logins::RefreshedAt, Logins::ExpiresAt];

/// Begins a login, inside an open transaction, and forgets the user's expired ones.
///
/// # Errors
/// `NotFound` if there is no such user.
pub async fn begin(database: &mut impl Database, login: &NewLogin) -> Done<Login> {
    check_user(database, login.user).await?;
    database.execute(&remove_expired(login.user, login.at)).await?;
    database.fetch(&insert(login), fields::login).await
}

/// Replaces a user's password and revokes every login but `keep`, inside an open transaction.
///
/// # Errors
/// `NotFound` if there is no such user.
pub async fn put_password(
    database: &mut impl Database,
    user: UserId,
    password: &PasswordHash,
    keep: Option<LoginId>,
) -> Done<Vec<LoginId>> {
    match database.execute(&users::put_password(user, password.as_str())).await? {
        0 => Err(StorageError::NotFound("user").into()),
        _ => database.list(&revoke_all(user, keep), |row| row.id()).await,
    }
}

/// Spends a token for its successor, inside an open transaction.
///
/// # Errors
/// If the database fails.
pub async fn rotate(
    database: &mut impl Database,
    (spent, successor): (&TokenHash, &TokenHash),
    now: Timestamp,
    expires_at: Timestamp,
) -> Done<Rotation> {
    let Some(login) = database.find(&find_current(spent, now), fields::login).await? else {
        return revoke_copied(database, spent, now).await;
    };
    database.execute(&insert_spent(spent, login.id)).await?;
    database.execute(&remove_old_spent(login.id)).await?;
    let login = database.fetch(&refresh(login.id, successor, now, expires_at), fields::login).await?;
    Ok(Rotation::Rotated(login))
}

/// Two have the same token, and nobody knows which of them may.
async fn revoke_copied(database: &mut impl Database, spent: &TokenHash, now: Timestamp) -> Done<Rotation> {
    let Some(login) = database.find(&find_spent(spent, now), fields::login).await? else {
        return Ok(Rotation::Unknown);
    };
    database.execute(&revoke(login.user, login.id)).await?;
    Ok(Rotation::Reused(login))
}

/// Begins a login and returns it.
fn insert(login: &NewLogin) -> InsertStatement {
    let columns = [Logins::UserId, Logins::Refresh, Logins::CreatedAt, Logins::RefreshedAt, Logins::ExpiresAt];
    let values: [Expr; 5] = [
        login.user.get().into(),
        login.refresh.to_vec().into(),
        login.at.0.into(),
        login.at.0.into(),
        login.expires_at.0.into(),
    ];
    Query::insert()
        .into_table((Main, Logins::Table))
        .columns(columns)
        .values_panic(values)
        .returning(Query::returning().columns(COLUMNS))
        .take()
}

/// Forgets a user's logins that have ended.
fn remove_expired(user: UserId, now: Timestamp) -> DeleteStatement {
    remove(column(Logins::UserId).eq(user.get()).and(column(Logins::ExpiresAt).lte(now.0)))
}

/// Finds a living login: its user's columns, then its own.
#[must_use]
pub fn find(login: LoginId, now: Timestamp) -> SelectStatement {
    users::living()
        .columns(COLUMNS.map(|column| (Logins::Table, column)))
        .inner_join((Main, Logins::Table), column(Logins::UserId).equals((Users::Table, Users::Id)))
        .and_where(column(Logins::Id).eq(login.get()))
        .and_where(column(Logins::ExpiresAt).gt(now.0))
        .take()
}

/// Reads what [`find`] selects.
///
/// # Errors
/// If it was not written by this version.
pub fn with_user(row: &mut Fields<'_>) -> sqlx::Result<(Login, User)> {
    let user = fields::user(row)?;
    Ok((fields::login(row)?, user))
}

/// Lists a user's living logins, oldest first.
#[must_use]
pub fn list(user: UserId, now: Timestamp) -> SelectStatement {
    alive(now).and_where(column(Logins::UserId).eq(user.get())).order_by((Logins::Table, Logins::Id), Order::Asc).take()
}

/// Finds the living login whose current token this is, and keeps others from spending it at once.
fn find_current(token: &TokenHash, now: Timestamp) -> SelectStatement {
    alive(now).and_where(column(Logins::Refresh).eq(token.to_vec())).lock_exclusive().take()
}

/// Finds the living login that has spent this token.
fn find_spent(token: &TokenHash, now: Timestamp) -> SelectStatement {
    let same_login = Expr::col((SpentTokens::Table, SpentTokens::LoginId)).equals((Logins::Table, Logins::Id));
    alive(now)
        .inner_join((Main, SpentTokens::Table), same_login)
        .and_where(Expr::col((SpentTokens::Table, SpentTokens::Refresh)).eq(token.to_vec()))
        .take()
}

/// Notes that a login has spent a token.
fn insert_spent(token: &TokenHash, login: LoginId) -> InsertStatement {
    Query::insert()
        .into_table((Main, SpentTokens::Table))
        .columns([SpentTokens::Refresh, SpentTokens::LoginId])
        .values_panic([token.to_vec().into(), login.get().into()])
        .take()
}

/// Forgets all but the newest tokens that a login has spent.
#[must_use]
pub fn remove_old_spent(login: LoginId) -> DeleteStatement {
    let of_login = Expr::col(SpentTokens::LoginId).eq(login.get());
    let newest_too_many = Query::select()
        .column(SpentTokens::Id)
        .from((Main, SpentTokens::Table))
        .and_where(of_login.clone())
        .order_by(SpentTokens::Id, Order::Desc)
        .limit(1)
        .offset(limits::SPENT_TOKENS_MAX.into())
        .take();
    let is_old = Expr::col(SpentTokens::Id).lte(newest_too_many);
    Query::delete().from_table((Main, SpentTokens::Table)).and_where(of_login).and_where(is_old).take()
}

/// Gives a login its next token and a later end, and returns it.
fn refresh(login: LoginId, token: &TokenHash, now: Timestamp, expires_at: Timestamp) -> UpdateStatement {
    Query::update()
        .table((Main, Logins::Table))
        .value(Logins::Refresh, token.to_vec())
        .value(Logins::RefreshedAt, now.0)
        .value(Logins::ExpiresAt, expires_at.0)
        .and_where(Expr::col(Logins::Id).eq(login.get()))
        .returning(Query::returning().columns(COLUMNS))
        .take()
}

/// Revokes one login of a user.
#[must_use]
pub fn revoke(user: UserId, login: LoginId) -> DeleteStatement {
    remove(column(Logins::UserId).eq(user.get()).and(column(Logins::Id).eq(login.get())))
}

/// Revokes every login of a user but one, and returns their ids.
#[must_use]
pub fn revoke_all(user: UserId, except: Option<LoginId>) -> DeleteStatement {
    let others = except.map(|except| column(Logins::Id).ne(except.get()));
    remove(column(Logins::UserId).eq(user.get())).and_where_option(others).returning_col(Logins::Id).take()
}

fn alive(now: Timestamp) -> SelectStatement {
    let columns = COLUMNS.map(|column| (Logins::Table, column));
    Query::select().columns(columns).from((Main, Logins::Table)).and_where(column(Logins::ExpiresAt).gt(now.0)).take()
}

fn remove(which: Expr) -> DeleteStatement {
    Query::delete().from_table((Main, Logins::Table)).and_where(which).take()
}

fn column(column: Logins) -> Expr {
    Expr::col((Logins::Table, column))
}
