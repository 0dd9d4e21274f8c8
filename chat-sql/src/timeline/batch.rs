//! A batch of changes inside one transaction. The rule: each sees what those before it have done; sends in a row and read
//! marks in a row, which are nearly all there is when it matters, share their statements.

use super::{create, delete_user, groups, messages, read_marks, send};
use crate::{Done, Transaction, settle};
use chat_core::{Action, Appended, Change, StorageError};

/// Stores a batch inside an open transaction, and returns one result for each change.
///
/// # Errors
/// If the database fails; the transaction is of no use then.
pub async fn store(transaction: &mut impl Transaction, batch: &[Change]) -> Done<Vec<Result<Appended, StorageError>>> {
    let mut results = Vec::with_capacity(batch.len());
    for run in batch.chunk_by(share_statements) {
        match run[0].action {
            Action::Send { .. } => results.extend(send::store(transaction, run).await?),
            Action::MarkRead { .. } => results.extend(read_marks::store(transaction, run).await?),
            _ => results.push(settle(store_one(transaction, &run[0]).await)?),
        }
    }
    Ok(results)
}

fn share_statements(one: &Change, next: &Change) -> bool {
    matches!(
        (&one.action, &next.action),
        (Action::Send { .. }, Action::Send { .. }) | (Action::MarkRead { .. }, Action::MarkRead { .. })
    )
}

async fn store_one(transaction: &mut impl Transaction, change: &Change) -> Done<Appended> {
    let Change { actor, at, action } = change;
    match action {
        Action::Create(new) => create::create(transaction, *actor, new, *at).await,
        Action::Edit { message, content } => messages::edit(transaction, *actor, *message, content, *at).await,
        Action::Delete { message } => messages::delete(transaction, *actor, *message).await,
        Action::Update { conversation, name, visibility } => {
            groups::update(transaction, *actor, *conversation, name.as_ref(), *visibility).await
        }
        Action::AddMember { conversation, user, role } => {
            groups::add_member(transaction, *actor, *conversation, (*user, *role), *at).await
        }
        Action::RemoveMember { conversation, user } => {
            groups::remove_member(transaction, *actor, *conversation, *user, *at).await
        }
        Action::DeleteConversation { conversation } => groups::delete(transaction, *actor, *conversation, *at).await,
        Action::DeleteUser { user } => delete_user::delete_user(transaction, *actor, *user, *at).await,
        Action::Send { .. } | Action::MarkRead { .. } => unreachable!("these are stored in runs"),
    }
}
