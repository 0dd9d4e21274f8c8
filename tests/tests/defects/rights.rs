//! Defects of rights: asked too early, answered too freely, and lost with those who go.

use crate::broken::{Case, Defect, Results, Stored};
use crate::notes::{Notes, Owners, append_one, gap, outcomes, place};
use async_trait::async_trait;
use chat_core::{
    Action, Appended, Change, ConversationId, ConversationStorage, Event, EventKind, History, Member, MemoryStorage,
    Message, Page, Role, StorageError, Timeline, UserId, UserKey, UserStorage,
};

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<AskedTooEarly>(
            "membership is checked before the transaction",
            "nothing_is_sent_after_the_removal_of_its_sender",
        ),
        Case::of::<AdminsAskedTooEarly>(
            "rights are checked before the transaction",
            "of_two_admins_who_remove_each_other_one_is_removed",
        ),
        Case::of::<RemovedMembersAreListed>("a removed member is still listed", "members_leave_as_they_like"),
        Case::of::<RemovedMembersReadOn>("a removed member reads on", "a_removed_member_sees_nothing"),
        Case::of::<GhostsComeIn>(
            "a user comes into a group after they were deleted",
            "a_user_deleted_at_once_is_a_member_of_nothing",
        ),
        Case::of::<StrangersReadPublicGroups>(
            "strangers read what is said in a public group",
            "a_stranger_sees_nothing_inside_a_public_group",
        ),
        Case::of::<HiddenIsForbidden>("a stranger is told that a conversation exists", "a_stranger_can_do_nothing"),
        Case::of::<AnyMemberDeletes>("any member deletes any message", "nobody_else_deletes"),
        Case::of::<OwnersLeaveNobody>(
            "an owner leaves without a successor",
            "an_owner_who_leaves_hands_over_to_the_longest_standing_member",
        ),
        Case::of::<GroupsAreTheirOwnersOnly>(
            "administrators delete their own groups only",
            "an_administrator_deletes_any_group",
        ),
        Case::of::<AdministratorsDeleteNobody>("administrators delete nobody", "an_administrator_deletes_anyone"),
        Case::of::<AdministratorsReadAlong>(
            "administrators read what others tell each other",
            "an_administrator_sees_no_conversation_of_others",
        ),
        Case::of::<AdministratorsMayDoAll>(
            "administrators do whatever a conversation's creator may",
            "an_administrator_is_a_stranger_in_conversations_of_others",
        ),
        Case::of::<AdministratorsForLife>(
            "an administrator stays one after being deleted",
            "a_deleted_administrator_is_none_any_more",
        ),
        Case::of::<AdministratorsAskedTooEarly>(
            "whether someone is an administrator is asked before the transaction",
            "of_two_administrators_who_delete_each_other_one_is_deleted",
        ),
    ]
}

/// Does in the name of its owner what a group's members were allowed to do a moment ago.
#[derive(Default)]
struct Late(Owners);

impl Late {
    async fn append(
        &self,
        inner: &MemoryStorage,
        batch: &[Change],
        is_checked: fn(&Action) -> bool,
    ) -> Stored<Results> {
        let mut were_members = vec![];
        for change in batch {
            were_members.push(match place(change).filter(|_| is_checked(&change.action)) {
                Some(group) => inner.find_member(group, change.actor).await?.is_some(),
                None => false,
            });
        }
        if were_members.contains(&true) {
            gap().await;
        }
        let mut results = inner.append(batch).await?;
        self.0.note(&results);
        for ((change, result), was_member) in outcomes(batch, &mut results).zip(were_members) {
            if let (true, Err(StorageError::NotFound("conversation"))) = (was_member, &result)
                && let Some(owner) = place(change).and_then(|group| self.0.of(group))
            {
                *result = append_one(inner, &Change { actor: owner, ..change.clone() }).await;
            }
        }
        Ok(results)
    }
}

#[derive(Default)]
struct AskedTooEarly(Late);

#[async_trait]
impl Defect for AskedTooEarly {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        self.0.append(inner, batch, |action| matches!(action, Action::Send { .. })).await
    }
}

#[derive(Default)]
struct AdminsAskedTooEarly(Late);

#[async_trait]
impl Defect for AdminsAskedTooEarly {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        self.0.append(inner, batch, |action| matches!(action, Action::RemoveMember { .. })).await
    }
}

/// Members as they were when they were removed, and who removed them.
#[derive(Default)]
struct Removed(Notes<(ConversationId, UserId), (Member, UserId)>);

impl Removed {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut before = vec![];
        for change in batch {
            before.push(match &change.action {
                Action::RemoveMember { conversation, user } => inner.find_member(*conversation, *user).await?,
                _ => None,
            });
        }
        let results = inner.append(batch).await?;
        for ((change, result), member) in batch.iter().zip(&results).zip(before) {
            if let (Some(group), Ok(_), Some(member)) = (place(change), result, member) {
                self.0.put((group, member.user), (member, change.actor));
            }
        }
        Ok(results)
    }
}

#[derive(Default)]
struct RemovedMembersAreListed(Removed);

#[async_trait]
impl Defect for RemovedMembersAreListed {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        self.0.append(inner, batch).await
    }

    async fn find_member(&self, inner: &MemoryStorage, group: ConversationId, user: UserId) -> Stored<Option<Member>> {
        let found = inner.find_member(group, user).await?;
        Ok(found.or_else(|| Some(self.0.0.find(&(group, user))?.0)))
    }
}

#[derive(Default)]
struct RemovedMembersReadOn(Removed);

#[async_trait]
impl Defect for RemovedMembersReadOn {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        self.0.append(inner, batch).await
    }

    async fn list_messages(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        conversation: ConversationId,
        history: History,
        limit: u32,
    ) -> Stored<Option<Page<Message>>> {
        let viewer = self.0.0.find(&(conversation, viewer)).map_or(viewer, |(_, remover)| remover);
        inner.list_messages(viewer, conversation, history, limit).await
    }
}

#[derive(Default)]
struct GhostsComeIn {
    ghosts: Notes<ConversationId, Member>,
}

#[async_trait]
impl Defect for GhostsComeIn {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut guests = vec![];
        for change in batch {
            guests.push(match &change.action {
                Action::AddMember { user, .. } => inner.find_user(&UserKey::Id(*user)).await?,
                _ => None,
            });
        }
        if guests.iter().any(Option::is_some) {
            gap().await;
        }
        let mut results = inner.append(batch).await?;
        for ((change, result), guest) in outcomes(batch, &mut results).zip(guests) {
            if let (Some(group), Err(StorageError::NotFound("user")), Some(guest)) = (place(change), &result, guest) {
                let (user, username, role) = (guest.id, guest.username, Role::Member);
                let kind = EventKind::MemberAdded { user, username: username.clone(), role };
                *result = Ok(Appended::now(vec![Event { conversation: group, seq: None, by: username.clone(), kind }]));
                self.ghosts.put(group, Member { user, username, role, joined_at: change.at });
            }
        }
        Ok(results)
    }

    async fn list_members(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        conversation: ConversationId,
        after: Option<i64>,
        limit: u32,
    ) -> Stored<Option<Page<Member>>> {
        let mut page = inner.list_members(viewer, conversation, after, limit).await?;
        page.iter_mut().for_each(|page| page.items.extend(self.ghosts.find(&conversation)));
        Ok(page)
    }
}

#[derive(Default)]
struct StrangersReadPublicGroups(Owners);

#[async_trait]
impl Defect for StrangersReadPublicGroups {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let results = inner.append(batch).await?;
        self.0.note(&results);
        Ok(results)
    }

    async fn list_messages(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        conversation: ConversationId,
        history: History,
        limit: u32,
    ) -> Stored<Option<Page<Message>>> {
        let is_public = inner.find_public_group(conversation).await?.is_some();
        let viewer = self.0.of(conversation).filter(|_| is_public).unwrap_or(viewer);
        inner.list_messages(viewer, conversation, history, limit).await
    }
}

#[derive(Default)]
struct HiddenIsForbidden(Owners);

#[async_trait]
impl Defect for HiddenIsForbidden {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        self.0.note(&results);
        for (change, result) in outcomes(batch, &mut results) {
            let exists = place(change).and_then(|group| self.0.of(group)).is_some();
            if let (true, Err(StorageError::NotFound("conversation"))) = (exists, &result) {
                *result = Err(StorageError::Forbidden("only members may do this"));
            }
        }
        Ok(results)
    }
}

#[derive(Default)]
struct AnyMemberDeletes;

#[async_trait]
impl Defect for AnyMemberDeletes {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut changes = batch.to_vec();
        for change in &mut changes {
            if let Action::Delete { message } = &change.action
                && let Some(message) = inner.find_message(change.actor, *message).await?
            {
                change.actor = message.sender;
            }
        }
        inner.append(&changes).await
    }
}

#[derive(Default)]
struct OwnersLeaveNobody {
    left: Notes<ConversationId>,
}

#[async_trait]
impl Defect for OwnersLeaveNobody {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        for appended in results.iter_mut().flatten() {
            if let [Event { conversation, kind: EventKind::MemberRemoved { .. }, .. }, successor] = &appended.events[..]
                && matches!(successor.kind, EventKind::MemberAdded { role: Role::Owner, .. })
            {
                self.left.put(*conversation, ());
                appended.events.truncate(1);
            }
        }
        Ok(results)
    }

    async fn find_member(&self, inner: &MemoryStorage, group: ConversationId, user: UserId) -> Stored<Option<Member>> {
        let found = inner.find_member(group, user).await?;
        Ok(found
            .map(|member| Member { role: if self.left.has(&group) { Role::Member } else { member.role }, ..member }))
    }
}

async fn is_administrator(inner: &MemoryStorage, user: UserId) -> Stored<bool> {
    Ok(inner.find_user(&UserKey::Id(user)).await?.is_some_and(|user| user.is_admin))
}

#[derive(Default)]
struct GroupsAreTheirOwnersOnly;

#[async_trait]
impl Defect for GroupsAreTheirOwnersOnly {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = vec![];
        for change in batch {
            let is_stranger = match &change.action {
                Action::DeleteConversation { conversation } => {
                    inner.find_member(*conversation, change.actor).await?.is_none()
                }
                _ => false,
            };
            results.push(match is_stranger {
                true => Err(StorageError::NotFound("conversation")),
                false => append_one(inner, change).await,
            });
        }
        Ok(results)
    }
}

#[derive(Default)]
struct AdministratorsDeleteNobody;

#[async_trait]
impl Defect for AdministratorsDeleteNobody {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = vec![];
        for change in batch {
            results.push(match &change.action {
                Action::DeleteUser { user } if *user != change.actor => {
                    Err(StorageError::Forbidden("only oneself may be deleted"))
                }
                _ => append_one(inner, change).await,
            });
        }
        Ok(results)
    }
}

/// Who created each conversation: the one through whom administrators see and do what is not theirs.
#[derive(Default)]
struct Creators(Notes<ConversationId, UserId>);

impl Creators {
    fn note(&self, batch: &[Change], results: &Results) {
        for (change, result) in batch.iter().zip(results) {
            if let (Action::Create(_), Ok(appended)) = (&change.action, result) {
                appended.events.iter().for_each(|event| self.0.put(event.conversation, change.actor));
            }
        }
    }

    async fn stand_in(&self, inner: &MemoryStorage, user: UserId, place: ConversationId) -> Stored<UserId> {
        let creator = if is_administrator(inner, user).await? { self.0.find(&place) } else { None };
        Ok(creator.unwrap_or(user))
    }
}

#[derive(Default)]
struct AdministratorsReadAlong(Creators);

#[async_trait]
impl Defect for AdministratorsReadAlong {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let results = inner.append(batch).await?;
        self.0.note(batch, &results);
        Ok(results)
    }

    async fn list_messages(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        conversation: ConversationId,
        history: History,
        limit: u32,
    ) -> Stored<Option<Page<Message>>> {
        let viewer = self.0.stand_in(inner, viewer, conversation).await?;
        inner.list_messages(viewer, conversation, history, limit).await
    }
}

#[derive(Default)]
struct AdministratorsMayDoAll(Creators);

#[async_trait]
impl Defect for AdministratorsMayDoAll {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut changes = batch.to_vec();
        for change in &mut changes {
            if let Some(group) = place(change) {
                change.actor = self.0.stand_in(inner, change.actor, group).await?;
            }
        }
        let results = inner.append(&changes).await?;
        self.0.note(&changes, &results);
        Ok(results)
    }
}

/// Does what only an administrator may, and who was one a moment ago, in the name of one who nobody knows of.
#[derive(Default)]
struct Former(Notes<UserId>);

impl Former {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        for (change, result) in outcomes(batch, &mut results) {
            let is_refused = matches!(result, Err(StorageError::Forbidden(_) | StorageError::NotFound("conversation")));
            if is_refused
                && self.0.has(&change.actor)
                && matches!(change.action, Action::DeleteUser { .. } | Action::DeleteConversation { .. })
            {
                *result = Ok(Appended::now(vec![]));
            }
        }
        Ok(results)
    }

    /// Remembers those who are administrators now.
    async fn note(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<()> {
        for change in batch {
            if is_administrator(inner, change.actor).await? {
                self.0.put(change.actor, ());
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct AdministratorsForLife(Former);

#[async_trait]
impl Defect for AdministratorsForLife {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        self.0.note(inner, batch).await?;
        self.0.append(inner, batch).await
    }
}

#[derive(Default)]
struct AdministratorsAskedTooEarly;

#[async_trait]
impl Defect for AdministratorsAskedTooEarly {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let former = Former::default();
        former.note(inner, batch).await?;
        gap().await;
        former.append(inner, batch).await
    }
}
