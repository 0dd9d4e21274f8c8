//! Statements on contacts. The rule: the relation is kept as two rows, one from each side.

use crate::tables::{Contacts, Main, Users};
use crate::timeline::check_user;
use crate::{Database, Done, blocks, users};
use chat_core::{StorageError, Timestamp, UserId, limits};
use sea_query::{DeleteStatement, Expr, ExprTrait, InsertStatement, OnConflict, Order, Query, SelectStatement};

/// Makes two users each other's contacts if they may be, inside an open transaction; `false` if they were. It refuses before
/// it writes, so that a refusal leaves the transaction as it was.
///
/// # Errors
/// `NotFound` if one of them does not exist, `Forbidden` if one of them has too many.
pub async fn connect(database: &mut impl Database, user: UserId, contact: UserId, at: Timestamp) -> Done<bool> {
    for id in [user, contact] {
        check_user(database, id).await?;
    }
    if database.find(&find(user, contact), |row| row.time()).await?.is_some() {
        return Ok(false);
    }
    blocks::check_reach(database, user, &[contact]).await?;
    for id in [user, contact] {
        let count: u64 = database.fetch(&count(id), |row| row.count()).await?;
        if count >= limits::CONTACTS_MAX {
            return Err(StorageError::Forbidden("one of the two has too many contacts").into());
        }
    }
    Ok(database.execute(&insert(user, contact, at)).await? > 0)
}

/// Makes two users each other's contacts; touches no row if they are.
fn insert(user: UserId, contact: UserId, at: Timestamp) -> InsertStatement {
    Query::insert()
        .into_table((Main, Contacts::Table))
        .columns([Contacts::UserId, Contacts::ContactId, Contacts::CreatedAt])
        .values_panic([user.get().into(), contact.get().into(), at.0.into()])
        .values_panic([contact.get().into(), user.get().into(), at.0.into()])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .take()
}

/// Ends it for both.
#[must_use]
pub fn remove(user: UserId, contact: UserId) -> DeleteStatement {
    Query::delete().from_table((Main, Contacts::Table)).and_where(pair(user, contact).or(pair(contact, user))).take()
}

/// Removes a user from all contacts, and all contacts from the user.
#[must_use]
pub fn remove_all(user: UserId) -> [DeleteStatement; 2] {
    // The second finds its rows through the first's, since contacts are looked up from the user's side only.
    let others = Query::select()
        .column(Contacts::ContactId)
        .from((Main, Contacts::Table))
        .and_where(Expr::col(Contacts::UserId).eq(user.get()))
        .take();
    let theirs = Expr::col(Contacts::ContactId).eq(user.get()).and(Expr::col(Contacts::UserId).in_subquery(others));
    let own = Expr::col(Contacts::UserId).eq(user.get());
    [theirs, own].map(|rows| Query::delete().from_table((Main, Contacts::Table)).and_where(rows).take())
}

/// Lists a user's contacts by username.
#[must_use]
pub fn list(user: UserId) -> SelectStatement {
    let is_contact = Expr::col((Contacts::Table, Contacts::ContactId)).equals((Users::Table, Users::Id));
    users::living()
        .inner_join((Main, Contacts::Table), is_contact)
        .and_where(Expr::col((Contacts::Table, Contacts::UserId)).eq(user.get()))
        .order_by((Users::Table, Users::UsernameKey), Order::Asc)
        .take()
}

/// Whether the first has the second as a contact: one row or none.
fn find(user: UserId, contact: UserId) -> SelectStatement {
    Query::select().column(Contacts::CreatedAt).from((Main, Contacts::Table)).and_where(pair(user, contact)).take()
}

/// Counts a user's contacts.
fn count(user: UserId) -> SelectStatement {
    let own = Expr::col(Contacts::UserId).eq(user.get());
    Query::select().expr(Expr::col(Contacts::ContactId).count()).from((Main, Contacts::Table)).and_where(own).take()
}

fn pair(user: UserId, contact: UserId) -> Expr {
    Expr::col(Contacts::UserId).eq(user.get()).and(Expr::col(Contacts::ContactId).eq(contact.get()))
}
