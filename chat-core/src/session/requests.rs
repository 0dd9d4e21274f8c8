//! From a client's frame to the engine's method, and back to the answer: the whole event protocol on one page.
//!
//! The rule: a request that changes a conversation is answered by the event it causes, in its place among all others; any
//! other request is answered at once. Each answer carries the request's `ref`.

use crate::chat::{LastSeen, Missed, Snapshot};
use crate::frame::{Frame, Lane};
use crate::hub::{CloseReason, Outbox};
use crate::wire::data::{BlockChanged, BlockedUsers, ContactChanged, Contacts, LoggedIn, Messages, Resumed, Synced};
#[cfg(feature = "openapi")]
use crate::wire::protocol::{self, Documented};
use crate::wire::{self, ContactView, Fields, MessageView, Reference, SummaryView, UserView};
use crate::{
    Appended, Blocked, Caller, Chat, Draft, Error, History, NewGroup, User, UserId, UserKey, limits, metrics, trace,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use std::future::ready;
use std::sync::Arc;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// What a request needs besides itself.
pub(super) struct Context {
    pub(super) chat: Chat,
    pub(super) user: UserId,
    pub(super) outbox: Arc<Outbox>,
    /// The session in the log.
    pub(super) session: Span,
}

/// A decoded request.
struct Request {
    kind: String,
    reference: Option<Reference>,
    fields: Fields,
}

/// A request's answer, unless an event is the answer.
type Answered = Result<Option<Frame>, Error>;

/// The work that leads to an answer, unless an event is the answer.
pub(super) type Answering = BoxFuture<'static, Option<Frame>>;

/// What a client asks for.
pub(super) enum Asked {
    /// A message, which may be on its way together with others.
    Send(Answering),
    /// Anything else.
    Other(Answering),
}

/// Reads what a text frame asks for.
pub(super) fn read(context: Context, text: &[u8]) -> Asked {
    match Request::decode(text) {
        Ok(request) => {
            let is_send = request.kind == "send_message";
            let span = request.span(&context.session);
            let answering = context.answer(request).instrument(span).boxed();
            if is_send { Asked::Send(answering) } else { Asked::Other(answering) }
        }
        Err((error, reference)) => context.refuse(error, reference.as_ref()),
    }
}

/// Refuses a binary frame.
pub(super) fn refuse_binary(context: &Context) -> Asked {
    context.refuse(Error::Malformed("expected a text frame".into()), None)
}

impl Request {
    /// Fails with the `ref`, if there is one to answer to.
    fn decode(text: &[u8]) -> Result<Self, (Error, Option<Reference>)> {
        let mut fields = Fields::parse(text).map_err(|error| (error, None))?;
        let reference = fields.optional("ref").map_err(|error| (error, None))?;
        match fields.required("type") {
            Ok(kind) => Ok(Self { kind, reference, fields }),
            Err(error) => Err((error, reference)),
        }
    }

    /// The request in the log. What a client made up itself is cut short, and its type is one of ours.
    fn span(&self, session: &Span) -> Span {
        let kind = self.known_kind();
        let number = trace::request_number;
        let span = tracing::debug_span!(parent: session, "request", request = number(), "type" = kind, "ref" = Empty);
        match &self.reference {
            Some(Reference::Integer(integer)) => span.record("ref", integer),
            Some(Reference::Text(text)) => {
                span.record("ref", &text[..text.floor_char_boundary(limits::LOGGED_REF_BYTES_MAX)])
            }
            None => &span,
        };
        span
    }

    fn known_kind(&self) -> &str {
        if is_known(&self.kind) { &self.kind } else { "error" }
    }

    fn answer(&self, data: impl Serialize) -> Frame {
        wire::answer(&self.kind, data, self.reference.as_ref())
    }

    fn answered(&self, data: impl Serialize) -> Answered {
        Ok(Some(self.answer(data)))
    }

    /// What was announced is the answer; what had happened before is answered here.
    fn announced(&self, appended: &Appended) -> Answered {
        let stored = appended.events.first().filter(|_| !appended.is_new);
        Ok(stored.map(|event| Frame { lane: Lane::Answer, ..wire::announcement(event, self.reference.as_ref()) }))
    }
}

impl Context {
    async fn answer(self, mut request: Request) -> Option<Frame> {
        let answered = match self.chat.count_request(self.user) {
            Ok(()) => self.perform(&mut request).await,
            Err(error) => Err(error),
        };
        answered.unwrap_or_else(|error| {
            self.note_refusal(&error);
            Some(wire::failure(request.known_kind(), &error, request.reference.as_ref()))
        })
    }

    /// Refuses what is no request, which counts like one.
    fn refuse(&self, error: Error, reference: Option<&Reference>) -> Asked {
        let error = self.chat.count_request(self.user).err().unwrap_or(error);
        self.note_refusal(&error);
        Asked::Other(ready(Some(wire::failure("error", &error, reference))).boxed())
    }

    /// Counts a refusal, and ends the session of a client that goes on long after it was told to wait.
    fn note_refusal(&self, error: &Error) {
        metrics::refused("socket", error.code());
        let is_limit = matches!(error, Error::RateLimited { .. });
        if is_limit && self.chat.rates().spend(self.user, |left| &left.refusals).is_err() {
            self.outbox.close(CloseReason::TooManyRequests);
        }
    }
}

/// Lists the requests by type, each with the method that does it; `wire/protocol.rs` has a function of the same name, which
/// documents it.
macro_rules! requests {
    ($($kind:literal => $method:ident,)+) => {
        fn is_known(kind: &str) -> bool {
            matches!(kind, $($kind)|+)
        }

        /// Every request with its documentation.
        #[cfg(feature = "openapi")]
        pub(crate) fn documented() -> Vec<Documented> {
            vec![$(protocol::$method().of($kind)),+]
        }

        impl Context {
            async fn perform(&self, request: &mut Request) -> Answered {
                match request.kind.as_str() {
                    $($kind => self.$method(request).await,)+
                    _ => Err(Error::invalid("type", "is not a known one")),
                }
            }
        }
    };
}

requests! {
    "self" => own_user,
    "ping" => ping,
    "add_contact" => add_contact,
    "remove_contact" => remove_contact,
    "get_contacts" => contacts,
    "block_user" => block_user,
    "unblock_user" => unblock_user,
    "get_blocked" => blocked,
    "get_users" => users,
    "create_conversation" => create_conversation,
    "get_conversations" => conversations,
    "get_conversation_info" => conversation_info,
    "rename_conversation" => rename_conversation,
    "delete_conversation" => delete_conversation,
    "add_member" => add_member,
    "remove_member" => remove_member,
    "leave_conversation" => leave_conversation,
    "send_message" => send_message,
    "get_messages" => messages,
    "edit_message" => edit_message,
    "delete_message" => delete_message,
    "read" => read,
    "typing" => typing,
    "sync" => sync,
    "resume" => resume,
    "login" => log_in,
}

impl Context {
    fn caller(&self, request: &Request) -> Caller {
        Caller::session(self.user, self.outbox.session(), request.reference.clone())
    }

    async fn own_user(&self, request: &mut Request) -> Answered {
        let user = self.chat.user(&UserKey::Id(self.user)).await?;
        request.answered(ContactView::from(self.chat.user_view(user)))
    }

    #[expect(clippy::unused_async, reason = "every request has the same shape")]
    async fn ping(&self, request: &mut Request) -> Answered {
        request.answered("pong")
    }

    async fn add_contact(&self, request: &mut Request) -> Answered {
        let contact = self.chat.add_contact(self.user, request.fields.required("contact_username")?).await?;
        request.answered(ContactChanged { message: "contact added", contact: contact.into() })
    }

    async fn remove_contact(&self, request: &mut Request) -> Answered {
        let contact = self.chat.remove_contact(self.user, request.fields.required("contact_username")?).await?;
        request.answered(ContactChanged { message: "contact removed", contact: contact.into() })
    }

    async fn contacts(&self, request: &mut Request) -> Answered {
        let contacts = self.chat.contacts(self.user).await?;
        let contacts = contacts.into_iter().map(UserView::into_username).collect();
        request.answered(Contacts { message: "contacts fetched", contacts })
    }

    async fn block_user(&self, request: &mut Request) -> Answered {
        let User { id, username, .. } =
            self.chat.user(&UserKey::Username(request.fields.required("username")?)).await?;
        if id == self.user {
            return Err(Error::invalid("username", "must be someone else"));
        }
        self.chat.block(self.user, Blocked::User(id)).await?;
        request.answered(BlockChanged { message: "user blocked", username })
    }

    async fn unblock_user(&self, request: &mut Request) -> Answered {
        let username = request.fields.required("username")?;
        let user = self.chat.user(&UserKey::Username(username)).await.map_err(|_| Error::NotFound("block"))?;
        self.chat.unblock(self.user, Blocked::User(user.id)).await?;
        request.answered(BlockChanged { message: "user unblocked", username: user.username })
    }

    async fn blocked(&self, request: &mut Request) -> Answered {
        let most = u32::try_from(limits::BLOCKS_MAX).unwrap_or(u32::MAX);
        let blocked = self.chat.blocked(self.user, None, most).await?;
        let blocked = blocked.map(UserView::into_username).items;
        request.answered(BlockedUsers { message: "blocked users fetched", blocked })
    }

    async fn users(&self, request: &mut Request) -> Answered {
        let search = request.fields.optional("search")?;
        let after = request.fields.optional("after")?;
        request.answered(self.chat.users(self.user, search.as_ref(), after, limits::PAGE_MAX).await?.named("users"))
    }

    async fn create_conversation(&self, request: &mut Request) -> Answered {
        let group = NewGroup {
            members: request.fields.required("members")?,
            name: request.fields.optional("name")?,
            visibility: request.fields.optional("visibility")?.unwrap_or_default(),
        };
        self.chat.create_group(self.caller(request), group).await?;
        Ok(None)
    }

    async fn conversations(&self, request: &mut Request) -> Answered {
        let page = self.chat.conversations(self.user, None, None, limits::CONVERSATIONS_LISTED_MAX).await?;
        request.answered(page.map(SummaryView::from).items)
    }

    async fn conversation_info(&self, request: &mut Request) -> Answered {
        let conversation = self.chat.conversation(self.user, request.fields.required("id")?).await?;
        request.answered(conversation.named())
    }

    async fn rename_conversation(&self, request: &mut Request) -> Answered {
        let conversation = request.fields.required("conversation_id")?;
        let name = request.fields.required("name")?;
        let caller = self.caller(request);
        request.announced(&self.chat.update_group(caller, conversation, Some(name), None).await?)
    }

    async fn delete_conversation(&self, request: &mut Request) -> Answered {
        let conversation = request.fields.required("conversation_id")?;
        request.announced(&self.chat.delete_group(self.caller(request), conversation).await?)
    }

    async fn add_member(&self, request: &mut Request) -> Answered {
        let conversation = request.fields.required("conversation_id")?;
        let username = request.fields.required("username")?;
        let role = request.fields.optional("role")?;
        let user = self.chat.user(&UserKey::Username(username)).await?;
        request.announced(&self.chat.add_member(self.caller(request), conversation, user.id, role).await?)
    }

    async fn remove_member(&self, request: &mut Request) -> Answered {
        let conversation = request.fields.required("conversation_id")?;
        let username = request.fields.required("username")?;
        let user = self.chat.user(&UserKey::Username(username)).await?;
        request.announced(&self.chat.remove_member(self.caller(request), conversation, user.id).await?)
    }

    async fn leave_conversation(&self, request: &mut Request) -> Answered {
        let conversation = request.fields.required("conversation_id")?;
        request.announced(&self.chat.leave(self.caller(request), conversation).await?)
    }

    async fn send_message(&self, request: &mut Request) -> Answered {
        let conversation = request.fields.required("conversation_id")?;
        let draft = Draft::decode(&mut request.fields)?;
        let sent = self.chat.send(self.caller(request), conversation, draft).await?;
        if sent.is_new { Ok(None) } else { request.answered(MessageView::from(sent.message)) }
    }

    async fn messages(&self, request: &mut Request) -> Answered {
        let conversation = request.fields.required("conversation_id")?;
        let history = request.fields.optional("before")?.map_or(History::Latest, History::Before);
        let page = self.chat.messages(self.user, conversation, history, limits::PAGE_MAX).await?;
        let messages = page.map(MessageView::from).items;
        request.answered(Messages { conversation_id: conversation, messages })
    }

    async fn edit_message(&self, request: &mut Request) -> Answered {
        let message = request.fields.required("message_id")?;
        let content = request.fields.required("content")?;
        self.chat.edit(self.caller(request), message, content).await?;
        Ok(None)
    }

    async fn delete_message(&self, request: &mut Request) -> Answered {
        let message = request.fields.required("message_id")?;
        request.announced(&self.chat.delete(self.caller(request), message).await?)
    }

    async fn read(&self, request: &mut Request) -> Answered {
        let conversation = request.fields.required("conversation_id")?;
        let message = request.fields.required("message_id")?;
        if self.chat.message(self.user, message).await?.conversation != conversation {
            return Err(Error::NotFound("message"));
        }
        request.announced(&self.chat.mark_read(self.caller(request), vec![message]).await?)
    }

    async fn sync(&self, request: &mut Request) -> Answered {
        let _turn = self.chat.rates().turn_to_read(self.user).await?;
        let hold = self.outbox.hold();
        let Snapshot { epoch, conversations, places } = self.chat.snapshot(self.user).await?;
        let answer = request.answer(Synced { epoch, conversations });
        hold.release(vec![answer.bytes], places);
        Ok(None)
    }

    async fn resume(&self, request: &mut Request) -> Answered {
        let epoch = request.fields.required("epoch")?;
        let seen = LastSeen { epoch, conversations: request.fields.required("conversations")? };
        let _turn = self.chat.rates().turn_to_read(self.user).await?;
        let hold = self.outbox.hold();
        let Missed { mut events, epoch, conversations, places } = self.chat.missed(self.user, &seen).await?;
        events.push(request.answer(Resumed { epoch, conversations }).bytes);
        hold.release(events, places);
        Ok(None)
    }

    async fn log_in(&self, request: &mut Request) -> Answered {
        let token: String = request.fields.required("token")?;
        let identity = self.chat.authenticate(&token).await?;
        if identity.user != self.user {
            return Err(Error::Forbidden("this is the login of someone else"));
        }
        // Taken over before it is looked at again, so that its end in between is not missed.
        self.outbox.log_in(identity);
        self.chat.check_alive(&identity).await?;
        request.answered(LoggedIn { expires_at: identity.expires_at })
    }

    async fn typing(&self, request: &mut Request) -> Answered {
        let conversation = request.fields.required("conversation_id")?;
        let is_typing = request.fields.required("is_typing")?;
        let member = self.chat.set_typing(self.user, conversation, is_typing).await?;
        if request.reference.is_none() {
            return Ok(None);
        }
        request.answered(wire::typing_data(&member.username, conversation, is_typing))
    }
}
