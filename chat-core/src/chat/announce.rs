//! From stored changes to frames. The rule: the hub's topics follow the memberships event by event, so that whoever comes
//! in hears of it, and whoever goes hears of it and of nothing after.

use super::Echo;
use crate::cluster::{Announced, Cluster};
use crate::frame::Publication;
use crate::hub::{Audience, CloseReason, SessionHub, Topic};
use crate::rates::{Cost, Rates};
use crate::{Action, Appended, Change, Event, EventKind, Seq, wire};
use std::sync::Arc;

/// Announces what this node has stored, here and on the others.
#[derive(Clone)]
pub(super) struct Announcer {
    pub(super) hub: Arc<dyn SessionHub>,
    pub(super) cluster: Option<Arc<Cluster>>,
    pub(super) rates: Arc<Rates>,
}

impl Announcer {
    /// Announces what one change led to; what had been stored before was announced then. If the answer in it has to wait for
    /// what other nodes have stored before it, returns what to wait for.
    pub(super) fn announce(&self, change: &Change, appended: &Appended, echo: Option<&Echo>) -> Option<Announced> {
        if !appended.is_new {
            return None;
        }
        // Not before it is stored: what is left tells how many hear it, which only a member may know. And not by whoever waits
        // for it, who may be gone.
        if self.rates.are_on()
            && let Some(Event { conversation, .. }) = appended.events.first()
        {
            let hearers = self.hub.hearers(*conversation);
            self.rates.heard(change.actor, Cost::of(&change.action), *conversation, hearers);
        }
        if let Some(cluster) = &self.cluster {
            return cluster.announce(&change.action, appended, echo);
        }
        for (position, event) in appended.events.iter().enumerate() {
            self::event(&*self.hub, event, echo.filter(|_| position == 0), appended);
        }
        after_all(&*self.hub, &change.action);
        None
    }
}

/// Announces one event, among those of the same change: lets in whom it brings in, and out whom it puts out.
pub(crate) fn event(hub: &dyn SessionHub, event: &Event, echo: Option<&Echo>, among: &Appended) {
    let seq = event.seq.map(Seq::get);
    let _span = tracing::debug_span!("announcement", conversation = event.conversation.get(), seq).entered();
    before(hub, event);
    hub.publish(topic(event), publication(event, echo));
    match &event.kind {
        // The last one out hears that the conversation goes, too.
        EventKind::MemberRemoved { user, .. } if !among.dissolves(event.conversation) => {
            hub.leave(*user, event.conversation);
        }
        EventKind::ConversationDeleted => hub.dissolve(event.conversation),
        _ => {}
    }
}

/// Does what follows when all events of a change are announced.
pub(crate) fn after_all(hub: &dyn SessionHub, action: &Action) {
    if let Action::DeleteUser { user } = action {
        hub.close(Audience::User(*user), CloseReason::LoginEnded);
    }
}

/// Gives the session that asked its event alone: the others have heard it, or never will.
pub(crate) fn answer(hub: &dyn SessionHub, event: &Event, echo: &Echo) {
    let publication = Publication { except: Some(echo.user), ..publication(event, Some(echo)) };
    hub.publish(Topic::User(echo.user), publication);
}

fn publication(event: &Event, echo: Option<&Echo>) -> Publication {
    Publication {
        frame: wire::announcement(event, None),
        echo: echo.map(|echo| (echo.session, wire::announcement(event, Some(&echo.reference)))),
        except: None,
    }
}

/// Who hears an event.
fn topic(event: &Event) -> Topic {
    match event.kind {
        EventKind::Read { user, is_private: true, .. } => Topic::User(user),
        _ => Topic::Conversation(event.conversation),
    }
}

fn before(hub: &dyn SessionHub, event: &Event) {
    match &event.kind {
        EventKind::Created(conversation, members) => {
            for member in members {
                hub.join(member.user, conversation.id);
            }
        }
        EventKind::MemberAdded { user, .. } => {
            hub.join(*user, event.conversation);
        }
        _ => {}
    }
}
