//! Who may do what. The rule: storages read a [`Situation`] inside the transaction of a change, ask here, and carry out
//! the [`Effect`]s inside the same transaction; so a right lost a moment ago is lost, and all storages agree.

use crate::{
    Conversation, ConversationId, ConversationName, Draft, Kind, Message, MessageId, Role, StorageError, UserId,
    Visibility, limits,
};

/// What the rules need to know of a conversation, as the transaction sees it.
#[derive(Clone, Debug)]
pub struct Situation {
    /// The conversation.
    pub conversation: Conversation,
    /// The actor's role, if they are a member.
    pub actor: Option<Role>,
    /// The user whom the action names, if there is such a user.
    pub target: Option<Target>,
    /// The longest-standing member besides the target.
    pub heir: Option<UserId>,
}

/// The user whom an action names.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The user.
    pub user: UserId,
    /// Their role, if they are a member.
    pub role: Option<Role>,
    /// What stands between the actor and them.
    pub reach: Reach,
}

/// What stands between an actor and a user whom they turn to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nothing.
    #[default]
    Open,
    /// The actor blocks the user.
    Blocked,
    /// The user blocks the actor, or strangers of whom the actor is one.
    Closed,
}

impl Reach {
    /// Reads what a storage calls it; `None` for a word that none does.
    #[must_use]
    pub fn from_stored(word: &str) -> Option<Self> {
        match word {
            "blocked" => Some(Self::Blocked),
            "closed" => Some(Self::Closed),
            _ => None,
        }
    }
}

/// What is to be done to a conversation, each effect with a `seq` and an event of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Make the user a member with this role, or give the member this role.
    PutMember(UserId, Role),
    /// Make the user no member.
    RemoveMember(UserId),
    /// Delete the conversation; takes no `seq`.
    DeleteConversation,
}

type Allowed<T = ()> = Result<T, StorageError>;

const NO_CONVERSATION: StorageError = StorageError::NotFound("conversation");
const NO_MESSAGE: StorageError = StorageError::NotFound("message");

/// Any member may send.
///
/// # Errors
/// `NotFound` for anyone else: a conversation one is not in does not exist.
pub fn send(actor: Option<Role>) -> Allowed {
    actor.map(|_| ()).ok_or(NO_CONVERSATION)
}

/// Nobody is added, invited or written to by those to whom they are closed; nor by those who block them, who would turn their
/// back on the answer. To whom someone is closed is told the same whether that is meant for them alone or for all strangers.
///
/// # Errors
/// `Forbidden`.
pub fn reach(reach: Reach) -> Allowed {
    match reach {
        Reach::Open => Ok(()),
        Reach::Blocked => Err(StorageError::Forbidden("this user is blocked; unblock them first")),
        Reach::Closed => Err(StorageError::Forbidden("only their contacts reach this user")),
    }
}

/// A draft whose nonce its sender has used before is answered with the message `known` under it, if it says the same, in the
/// same place and in answer to the same. The first words of an edited or deleted message are gone, so they are not compared.
///
/// # Errors
/// `Conflict` naming `nonce` for another message.
pub fn replay(known: &Message, conversation: ConversationId, draft: &Draft) -> Allowed {
    let has_first_words = known.edited_at.is_none() && !known.deleted;
    let same_words = !has_first_words || known.content == draft.content.as_str();
    if known.conversation == conversation && known.reply_id == draft.reply_id && same_words {
        return Ok(());
    }
    Err(StorageError::Conflict { field: "nonce", message: "this nonce names another message" })
}

/// A reply answers a message of its own conversation; `is_here` tells whether a message is one.
///
/// # Errors
/// `Invalid` naming `reply_id` for any other.
pub fn reply(draft: &Draft, is_here: impl FnOnce(MessageId) -> bool) -> Allowed {
    if draft.reply_id.is_none_or(is_here) {
        return Ok(());
    }
    Err(StorageError::Invalid { field: "reply_id", message: "must be a message of this conversation" })
}

/// The author may edit, while the message has words and the author is a member.
///
/// # Errors
/// `NotFound` to strangers, `Forbidden` to other members, `Conflict` once the message is deleted.
pub fn edit(actor: UserId, role: Option<Role>, message: &Message) -> Allowed {
    role.ok_or(NO_MESSAGE)?;
    if message.sender != actor {
        return Err(StorageError::Forbidden("only its author may edit a message"));
    }
    if message.deleted {
        return Err(StorageError::Conflict { field: "message_id", message: "the message is deleted" });
    }
    Ok(())
}

/// The author may delete, and so may admins and the owner.
///
/// # Errors
/// `NotFound` to strangers, `Forbidden` to other members.
pub fn delete(actor: UserId, role: Option<Role>, message: &Message) -> Allowed {
    let role = role.ok_or(NO_MESSAGE)?;
    if message.sender == actor || role >= Role::Admin {
        return Ok(());
    }
    Err(StorageError::Forbidden("only its author or an admin may delete a message"))
}

/// Admins and the owner may change a group's name and visibility. Returns both as they are from then on; `None` means that
/// all was as asked already.
///
/// # Errors
/// `NotFound` to strangers, `Forbidden` to other members and in direct conversations.
pub fn update(
    situation: &Situation,
    name: Option<&ConversationName>,
    visibility: Option<Visibility>,
) -> Allowed<Option<(ConversationName, Visibility)>> {
    if group_role(situation)? < Role::Admin {
        return Err(StorageError::Forbidden("only an admin may change a group"));
    }
    let current = &situation.conversation;
    let (name, visibility) = (name.unwrap_or(&current.name), visibility.unwrap_or(current.visibility));
    let is_news = (name, visibility) != (&current.name, current.visibility);
    Ok(is_news.then(|| (name.clone(), visibility)))
}

/// The owner may delete a group, and so may an administrator of the server.
///
/// # Errors
/// `NotFound` to strangers, `Forbidden` to other members and in direct conversations.
pub fn delete_conversation(situation: &Situation, is_administrator: bool) -> Allowed<Vec<Effect>> {
    if !(is_administrator && situation.conversation.kind == Kind::Group) && group_role(situation)? != Role::Owner {
        return Err(StorageError::Forbidden("only the owner may delete a group"));
    }
    Ok(vec![Effect::DeleteConversation])
}

/// Any member may bring in whom they [reach]; anyone may join a public group; admins give the roles of member and admin, the owner
/// also hands over the group and becomes an admin. No effect means that all was as asked already.
///
/// # Errors
/// `NotFound` for what the actor cannot see, `Forbidden` for what their role does not allow or when the group is full.
pub fn add_member(actor: UserId, role: Option<Role>, situation: &Situation) -> Allowed<Vec<Effect>> {
    let joins_oneself = situation.target.is_some_and(|target| target.user == actor) && situation.actor.is_none();
    let own_role = match joins_oneself && situation.conversation.visibility == Visibility::Public {
        true => Role::Member,
        false => group_role(situation)?,
    };
    let target = situation.target.ok_or(StorageError::NotFound("user"))?;
    match (target.role, role) {
        (None, None | Some(Role::Member)) => newcomer(situation, target, Role::Member),
        (None, Some(Role::Admin)) if own_role >= Role::Admin => newcomer(situation, target, Role::Admin),
        (None, Some(Role::Owner)) if own_role == Role::Owner => {
            let mut effects = newcomer(situation, target, Role::Owner)?;
            effects.push(Effect::PutMember(actor, Role::Admin));
            Ok(effects)
        }
        (Some(_), None) => Ok(vec![]),
        (Some(current), Some(wanted)) if current == wanted => Ok(vec![]),
        (Some(Role::Owner), Some(_)) => {
            Err(StorageError::Forbidden("the owner stays owner until the group is handed over"))
        }
        (Some(_), Some(Role::Owner)) if own_role == Role::Owner => {
            Ok(vec![Effect::PutMember(target.user, Role::Owner), Effect::PutMember(actor, Role::Admin)])
        }
        (Some(_), Some(wanted)) if own_role >= Role::Admin && wanted < Role::Owner => {
            Ok(vec![Effect::PutMember(target.user, wanted)])
        }
        _ => Err(StorageError::Forbidden("this role is not yours to give")),
    }
}

/// Members leave as they like, admins remove anyone but the owner.
///
/// # Errors
/// `NotFound` for what the actor cannot see and for targets that are no members, `Forbidden` for what their role does not allow.
pub fn remove_member(actor: UserId, situation: &Situation) -> Allowed<Vec<Effect>> {
    let own_role = group_role(situation)?;
    let Some(Target { user, role: Some(role), .. }) = situation.target else {
        return Err(StorageError::NotFound("member"));
    };
    if user != actor && own_role < Role::Admin {
        return Err(StorageError::Forbidden("only an admin may remove a member"));
    }
    if user != actor && role == Role::Owner {
        return Err(StorageError::Forbidden("the owner cannot be removed"));
    }
    Ok(departure(situation, user, role))
}

/// What follows when a member goes: an owner hands over to the longest-standing member, the last one out deletes the conversation.
#[must_use]
pub fn departure(situation: &Situation, user: UserId, role: Role) -> Vec<Effect> {
    match situation.heir {
        None => vec![Effect::RemoveMember(user), Effect::DeleteConversation],
        Some(heir) if role == Role::Owner => vec![Effect::RemoveMember(user), Effect::PutMember(heir, Role::Owner)],
        Some(_) => vec![Effect::RemoveMember(user)],
    }
}

/// Someone who is in this many conversations may come into one more.
///
/// # Errors
/// `Forbidden` at [`MEMBERSHIPS_MAX`](limits::MEMBERSHIPS_MAX).
pub fn join(memberships: u64) -> Allowed {
    if memberships < limits::MEMBERSHIPS_MAX {
        return Ok(());
    }
    Err(StorageError::Forbidden("one of the users is in too many conversations"))
}

/// Users delete themselves; administrators delete anyone.
///
/// # Errors
/// `Forbidden` to everyone else.
pub fn delete_user(actor: UserId, is_administrator: bool, user: UserId) -> Allowed {
    if actor == user || is_administrator {
        return Ok(());
    }
    Err(StorageError::Forbidden("only oneself may be deleted"))
}

fn newcomer(situation: &Situation, target: Target, role: Role) -> Allowed<Vec<Effect>> {
    reach(target.reach)?;
    if situation.conversation.member_count >= limits::MEMBERS_MAX {
        return Err(StorageError::Forbidden("the group is full"));
    }
    Ok(vec![Effect::PutMember(target.user, role)])
}

/// The actor's role in a group; direct conversations have no roles to act by.
fn group_role(situation: &Situation) -> Allowed<Role> {
    let role = situation.actor.ok_or(NO_CONVERSATION)?;
    match situation.conversation.kind {
        Kind::Group => Ok(role),
        Kind::Direct => Err(StorageError::Forbidden("a direct conversation belongs to its two members")),
    }
}
