//! Statements on conversations and members. The rule: what only members may see is selected through their membership.

use crate::tables::{Conversations, Main, Members, Users};
use crate::{Database, Dialect, Fields, fields, message_columns, one_more, sql};
use chat_core::{
    ConversationId, GroupListing, Kind, Member, Page, Position, Search, StorageError, Summary, UserId, Username,
    Visibility, limits,
};
use sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};

/// The columns of a [`Conversation`](chat_core::Conversation), in the order of its fields.
pub const COLUMNS: [Conversations; 7] = [
    Conversations::Id,
    Conversations::Kind,
    Conversations::Name,
    Conversations::Visibility,
    Conversations::CreatedAt,
    Conversations::LastSeq,
    Conversations::MemberCount,
];

/// How many messages are unread to `$1` after the mark `read_seq` of a conversation `id`, both columns of `$of`; counting
/// stops at the parameter `$max`.
macro_rules! unread {
    ($of:literal, $max:literal) => {
        concat!(
            "(SELECT count(*) FROM (
                SELECT 1 FROM main.messages AS unread
                WHERE unread.conversation_id = ",
            $of,
            ".id AND unread.seq > ",
            $of,
            ".read_seq AND unread.deleted_seq IS NULL AND unread.sender_id <> $1
                LIMIT ",
            $max,
            ") AS counted)"
        )
    };
}

/// One row for each conversation of `$1`'s page: its rank, the summary's fields, the newest message.
///
/// The page is cut before anything is read for a row, and each of the subqueries reads a bounded part of one index.
pub const LIST_CONVERSATIONS: &str = concat!(
    "SELECT page.activity, page.id, page.kind, page.name, page.visibility, page.created_at, page.last_seq,
        page.member_count, page.read_message_id, ",
    unread!("page", "$5"),
    ",
        (SELECT string_agg(username, ' ') FROM (
            SELECT users.username FROM main.members AS members JOIN main.users AS users ON users.id = members.user_id
            WHERE members.conversation_id = page.id ORDER BY members.join_rank LIMIT $6) AS listed), ",
    message_columns!(),
    " FROM (
        SELECT c.*, members.read_seq, members.read_message_id
        FROM main.members AS members JOIN main.conversations AS c ON c.id = members.conversation_id
        WHERE members.user_id = $1 AND ($2 IS NULL OR c.kind = $2) AND ($3 IS NULL OR c.activity < $3)
        ORDER BY c.activity DESC LIMIT $4) AS page
    LEFT JOIN main.messages AS m
        ON m.id = (SELECT id FROM main.messages WHERE conversation_id = page.id ORDER BY seq DESC LIMIT 1)
    LEFT JOIN main.users AS sender ON sender.id = m.sender_id
    ORDER BY page.activity DESC"
);

/// How far each conversation of `$1` has come.
pub const LIST_POSITIONS: &str = concat!(
    "SELECT own.id, own.last_seq, own.read_message_id, ",
    unread!("own", "$2"),
    " FROM (
        SELECT c.id, c.last_seq, members.read_seq, members.read_message_id
        FROM main.members AS members JOIN main.conversations AS c ON c.id = members.conversation_id
        WHERE members.user_id = $1) AS own"
);

/// Lists the conversations that `viewer` is a member of.
///
/// # Errors
/// If the database fails.
pub async fn list_conversations(
    database: &mut impl Database,
    viewer: UserId,
    kind: Option<Kind>,
    before: Option<i64>,
    limit: u32,
) -> Result<Page<Summary>, StorageError> {
    let page = sql!(
        LIST_CONVERSATIONS,
        viewer.get(),
        kind.map(Kind::as_str),
        before,
        i64::from(limit) + 1,
        i64::from(limits::UNREAD_MAX),
        i64::from(limits::MEMBERS_LISTED_IN_PAGE_MAX),
    );
    let found = database.list(page, ranked_summary).await?;
    Ok(Page::cut(found, limit, |(rank, _)| *rank).map(|(_, summary)| summary))
}

/// Lists how far the conversations have come that `viewer` is a member of.
///
/// # Errors
/// If the database fails.
pub async fn list_positions(database: &mut impl Database, viewer: UserId) -> Result<Vec<Position>, StorageError> {
    let positions = sql!(LIST_POSITIONS, viewer.get(), i64::from(limits::UNREAD_MAX));
    Ok(database.list(positions, fields::position).await?)
}

/// Lists the members of a conversation; `None` unless `viewer` is one of them.
///
/// # Errors
/// If the database fails.
pub async fn page_of_members(
    database: &mut impl Database,
    viewer: UserId,
    conversation: ConversationId,
    after: Option<i64>,
    limit: u32,
) -> Result<Option<Page<Member>>, StorageError> {
    let page = list_members(viewer, conversation, after, limit);
    let found = database.list(&page, |row| Ok((fields::member(row)?, row.integer()?))).await?;
    if found.is_empty() && database.find(&find_member(conversation, viewer), fields::member).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(Page::cut(found, limit, |(_, rank)| *rank).map(|(member, _)| member)))
}

/// Lists public groups by rising id.
///
/// # Errors
/// If the database fails.
pub async fn page_of_public_groups<D: Database>(
    database: &mut D,
    search: Option<&Search>,
    after: Option<ConversationId>,
    limit: u32,
) -> Result<Page<GroupListing>, StorageError> {
    let found = database.list(&list_public_groups(D::DIALECT, search, after, limit), fields::listing).await?;
    Ok(Page::cut(found, limit, |group| group.id.get()))
}

fn ranked_summary(row: &mut Fields<'_>) -> sqlx::Result<(i64, Summary)> {
    let rank = row.integer()?;
    let conversation = fields::conversation(row)?;
    let read_up_to = row.optional_id()?;
    let unread = row.count()?;
    // No username holds a space.
    let members = row.string()?.split(' ').map(|name| Username::from_stored(name.to_owned())).collect();
    let last_message = fields::optional_message(row)?;
    Ok((rank, Summary { conversation, members, unread, last_message, read_up_to }))
}

/// Finds a conversation that `viewer` is a member of.
#[must_use]
pub fn find(viewer: UserId, conversation: ConversationId) -> SelectStatement {
    let columns = COLUMNS.map(|column| (Conversations::Table, column));
    let same = member(Members::ConversationId).equals((Conversations::Table, Conversations::Id));
    Query::select()
        .columns(columns)
        .from((Main, Conversations::Table))
        .inner_join((Main, Members::Table), same)
        .and_where(column(Conversations::Id).eq(conversation.get()))
        .and_where(member(Members::UserId).eq(viewer.get()))
        .take()
}

/// Lists the ids of the conversations that a user is a member of.
#[must_use]
pub fn list_memberships(user: UserId) -> SelectStatement {
    let own = Expr::col(Members::UserId).eq(user.get());
    Query::select().column(Members::ConversationId).from((Main, Members::Table)).and_where(own).take()
}

/// Finds one member.
#[must_use]
pub fn find_member(conversation: ConversationId, user: UserId) -> SelectStatement {
    members(conversation).and_where(member(Members::UserId).eq(user.get())).take()
}

/// Lists members in the order they joined, with that order as `join_rank`; no rows unless `viewer` is one of them.
#[must_use]
pub fn list_members(viewer: UserId, conversation: ConversationId, after: Option<i64>, limit: u32) -> SelectStatement {
    let viewers = Alias::new("viewers");
    let is_viewer = Expr::col((viewers.clone(), Members::ConversationId))
        .eq(conversation.get())
        .and(Expr::col((viewers.clone(), Members::UserId)).eq(viewer.get()));
    let seen = Query::select().expr(Expr::val(1)).from_as((Main, Members::Table), viewers).and_where(is_viewer).take();
    members(conversation)
        .column((Members::Table, Members::JoinRank))
        .and_where(Expr::exists(seen))
        .and_where_option(after.map(|after| member(Members::JoinRank).gt(after)))
        .order_by((Members::Table, Members::JoinRank), Order::Asc)
        .limit(one_more(limit))
        .take()
}

/// Finds a public group.
#[must_use]
pub fn find_public_group(group: ConversationId) -> SelectStatement {
    public_groups().and_where(column(Conversations::Id).eq(group.get())).take()
}

/// Lists public groups by rising id.
#[must_use]
pub fn list_public_groups(
    dialect: Dialect,
    search: Option<&Search>,
    after: Option<ConversationId>,
    limit: u32,
) -> SelectStatement {
    let matches = search.map(|search| dialect.contains(column(Conversations::NameKey), &search.key()));
    public_groups()
        .and_where_option(after.map(|after| column(Conversations::Id).gt(after.get())))
        .and_where_option(matches)
        .order_by((Conversations::Table, Conversations::Id), Order::Asc)
        .limit(one_more(limit))
        .take()
}

/// Selects the columns of a [`Member`](chat_core::Member), in the order of its fields.
fn members(conversation: ConversationId) -> SelectStatement {
    Query::select()
        .column((Members::Table, Members::UserId))
        .column((Users::Table, Users::Username))
        .columns([(Members::Table, Members::Role), (Members::Table, Members::JoinedAt)])
        .from((Main, Members::Table))
        .inner_join(
            (Main, Users::Table),
            Expr::col((Users::Table, Users::Id)).equals((Members::Table, Members::UserId)),
        )
        .and_where(member(Members::ConversationId).eq(conversation.get()))
        .take()
}

/// Selects what strangers see; a direct conversation is never public.
fn public_groups() -> SelectStatement {
    let columns = [Conversations::Id, Conversations::Name, Conversations::MemberCount];
    Query::select()
        .columns(columns.map(|column| (Conversations::Table, column)))
        .from((Main, Conversations::Table))
        // A constant, since a partial index serves no condition whose value comes later.
        .and_where(column(Conversations::Visibility).eq(Expr::cust(format!("'{}'", Visibility::Public.as_str()))))
        .take()
}

fn column(column: Conversations) -> Expr {
    Expr::col((Conversations::Table, column))
}

fn member(column: Members) -> Expr {
    Expr::col((Members::Table, column))
}
