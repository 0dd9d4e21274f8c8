//! Mailed codes. The rule: a code is found by the user who has the address now, and read, judged and changed in one
//! transaction, which keeps that user for itself from its first step.

use crate::tables::{Codes, Main};
use crate::{Database, Done, fields, logins, users};
use chat_core::{Code, CodeTry, Email, LoginId, NewCode, PasswordHash, Purpose, Tried, User, UserId};
use sea_query::{
    DeleteStatement, Expr, ExprTrait, InsertStatement, OnConflict, Query, SelectStatement, UpdateStatement,
};

/// The columns of a [`Code`], in the order of its fields.
pub const COLUMNS: [Codes; 5] = [Codes::Hash, Codes::Tries, Codes::ExpiresAt, Codes::Given, Codes::GivenSince];

/// Gives a user a new code, inside an open transaction that may write.
///
/// # Errors
/// If the database fails.
pub async fn give(database: &mut impl Database, new: &NewCode) -> Done<Option<User>> {
    let Some(user) = owner(database, &new.email).await? else { return Ok(None) };
    let known = database.find(&find(user.id, new.purpose), fields::code).await?;
    let Some(code) = Code::after(known.as_ref(), new, &user) else { return Ok(None) };
    database.execute(&put(user.id, new.purpose, &code)).await?;
    Ok(Some(user))
}

/// Tells whose code this is, inside an open transaction that may write; a wrong one is counted.
///
/// # Errors
/// If the database fails.
pub async fn judge(database: &mut impl Database, code: &CodeTry) -> Done<Option<User>> {
    let Some(user) = owner(database, &code.email).await? else { return Ok(None) };
    let known = database.find(&find(user.id, code.purpose), fields::code).await?;
    match known.map(|known| known.tried(&code.hash, code.at)) {
        Some(Tried::Right) => Ok(Some(user)),
        Some(Tried::Wrong) => {
            database.execute(&count_try(user.id, code.purpose)).await?;
            Ok(None)
        }
        Some(Tried::Dead) | None => Ok(None),
    }
}

/// Spends a code and verifies the address, inside an open transaction that may write.
///
/// # Errors
/// If the database fails.
pub async fn spend(database: &mut impl Database, code: &CodeTry) -> Done<Option<User>> {
    match judge(database, code).await? {
        Some(user) => Ok(Some(use_up(database, user.id, code).await?)),
        None => Ok(None),
    }
}

/// Spends a code for a new password, and revokes every login, inside an open transaction that may write.
///
/// # Errors
/// If the database fails.
pub async fn spend_for_password(
    database: &mut impl Database,
    code: &CodeTry,
    password: &PasswordHash,
) -> Done<Option<(User, Vec<LoginId>)>> {
    let Some(user) = judge(database, code).await? else { return Ok(None) };
    database.execute(&users::put_password(user.id, password.as_str())).await?;
    let revoked = database.list(&logins::revoke_all(user.id, None), |row| row.id()).await?;
    Ok(Some((use_up(database, user.id, code).await?, revoked)))
}

async fn use_up(database: &mut impl Database, user: UserId, code: &CodeTry) -> Done<User> {
    database.execute(&remove(user, code.purpose)).await?;
    database.fetch(&users::verify_email(user), fields::user).await
}

async fn owner(database: &mut impl Database, email: &Email) -> Done<Option<User>> {
    database.find(&users::find_and_keep(email), fields::user).await
}

/// Finds a user's code.
fn find(user: UserId, purpose: Purpose) -> SelectStatement {
    Query::select().columns(COLUMNS).from((Main, Codes::Table)).and_where(is(user, purpose)).take()
}

/// Keeps a code in place of the one there may be.
fn put(user: UserId, purpose: Purpose, code: &Code) -> InsertStatement {
    let place = [Codes::UserId, Codes::Purpose];
    let values: [Expr; 7] = [
        user.get().into(),
        purpose.as_str().into(),
        code.hash.to_vec().into(),
        i64::from(code.tries).into(),
        code.expires_at.0.into(),
        i64::from(code.given).into(),
        code.given_since.0.into(),
    ];
    Query::insert()
        .into_table((Main, Codes::Table))
        .columns(place.into_iter().chain(COLUMNS))
        .values_panic(values)
        .on_conflict(OnConflict::columns(place).update_columns(COLUMNS).to_owned())
        .take()
}

/// Counts a wrong try.
fn count_try(user: UserId, purpose: Purpose) -> UpdateStatement {
    let tries = Expr::col(Codes::Tries).add(1);
    Query::update().table((Main, Codes::Table)).value(Codes::Tries, tries).and_where(is(user, purpose)).take()
}

/// Forgets a user's code.
fn remove(user: UserId, purpose: Purpose) -> DeleteStatement {
    Query::delete().from_table((Main, Codes::Table)).and_where(is(user, purpose)).take()
}

/// Kills every code of a user; how many were given out stays known.
#[must_use]
pub fn expire_all(user: UserId) -> UpdateStatement {
    let of_user = Expr::col(Codes::UserId).eq(user.get());
    Query::update().table((Main, Codes::Table)).value(Codes::ExpiresAt, 0).and_where(of_user).take()
}

/// Forgets every code of a user.
#[must_use]
pub fn remove_all(user: UserId) -> DeleteStatement {
    Query::delete().from_table((Main, Codes::Table)).and_where(Expr::col(Codes::UserId).eq(user.get())).take()
}

fn is(user: UserId, purpose: Purpose) -> Expr {
    Expr::col(Codes::UserId).eq(user.get()).and(Expr::col(Codes::Purpose).eq(purpose.as_str()))
}
