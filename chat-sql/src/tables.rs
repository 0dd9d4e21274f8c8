//! Every table and its columns, by the names they have in the migrations of both adapters.

#![expect(
    missing_docs,
    reason = "each variant is the table or the column of its name; the migrations say what it holds"
)]

use sea_query::Iden;

/// The schema that all tables are in: SQLite's word for it. Postgres puts the name of its own in that place.
#[derive(Clone, Copy, Debug, Iden)]
pub struct Main;

#[derive(Clone, Copy, Debug, Iden)]
pub enum Users {
    Table,
    Id,
    Username,
    UsernameKey,
    Fullname,
    FullnameKey,
    Email,
    EmailKey,
    EmailVerified,
    ProfilePicture,
    PublicKey,
    Password,
    IsAdmin,
    LastOnline,
    CreatedAt,
    Deleted,
}

#[derive(Clone, Copy, Debug, Iden)]
pub enum Contacts {
    Table,
    UserId,
    ContactId,
    CreatedAt,
}

#[derive(Clone, Copy, Debug, Iden)]
pub enum Blocks {
    Table,
    UserId,
    BlockedId,
    CreatedAt,
}

#[derive(Clone, Copy, Debug, Iden)]
pub enum Logins {
    Table,
    Id,
    UserId,
    Refresh,
    CreatedAt,
    RefreshedAt,
    ExpiresAt,
}

#[derive(Clone, Copy, Debug, Iden)]
pub enum SpentTokens {
    Table,
    Id,
    Refresh,
    LoginId,
}

#[derive(Clone, Copy, Debug, Iden)]
pub enum Codes {
    Table,
    UserId,
    Purpose,
    Hash,
    Tries,
    ExpiresAt,
    Given,
    GivenSince,
}

#[derive(Clone, Copy, Debug, Iden)]
pub enum Conversations {
    Table,
    Id,
    Kind,
    Name,
    NameKey,
    Visibility,
    CreatedAt,
    LastSeq,
    MemberCount,
    Activity,
    DirectLow,
    DirectHigh,
}

#[derive(Clone, Copy, Debug, Iden)]
pub enum Members {
    Table,
    ConversationId,
    UserId,
    Role,
    JoinRank,
    JoinedAt,
    ReadSeq,
    ReadMessageId,
}
