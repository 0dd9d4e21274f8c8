//! From rows to the engine's types. The rule: a row is read from left to right; what it holds was checked when it came in.

use chat_core::{
    Code, Conversation, ConversationName, Email, Fullname, GroupListing, Kind, Login, Member, Message, Nonce,
    PictureUrl, Position, PublicKey, Role, Timestamp, User, Username, Visibility,
};
use sqlx::{ColumnIndex, Row, Type};

/// The columns of a row, whichever driver it came from.
pub trait Columns {
    /// A column of integers.
    ///
    /// # Errors
    /// If the column holds something else.
    fn integer(&self, index: usize) -> sqlx::Result<Option<i64>>;

    /// A column of text.
    ///
    /// # Errors
    /// If the column holds something else.
    fn text(&self, index: usize) -> sqlx::Result<Option<&str>>;

    /// A column of bytes.
    ///
    /// # Errors
    /// If the column holds something else.
    fn bytes(&self, index: usize) -> sqlx::Result<&[u8]>;

    /// A column of truth values.
    ///
    /// # Errors
    /// If the column holds something else.
    fn flag(&self, index: usize) -> sqlx::Result<bool>;
}

impl<R: Row> Columns for R
where
    usize: ColumnIndex<R>,
    i64: Type<R::Database> + for<'r> sqlx::Decode<'r, R::Database>,
    bool: Type<R::Database> + for<'r> sqlx::Decode<'r, R::Database>,
    for<'r> &'r str: Type<R::Database> + sqlx::Decode<'r, R::Database>,
    for<'r> &'r [u8]: Type<R::Database> + sqlx::Decode<'r, R::Database>,
{
    fn integer(&self, index: usize) -> sqlx::Result<Option<i64>> {
        self.try_get(index)
    }

    fn text(&self, index: usize) -> sqlx::Result<Option<&str>> {
        self.try_get(index)
    }

    fn bytes(&self, index: usize) -> sqlx::Result<&[u8]> {
        self.try_get(index)
    }

    fn flag(&self, index: usize) -> sqlx::Result<bool> {
        self.try_get(index)
    }
}

/// The columns of a row that are not read yet.
pub struct Fields<'r> {
    row: &'r dyn Columns,
    next: usize,
}

impl<'r> Fields<'r> {
    /// All columns of a row.
    pub fn of(row: &'r impl Columns) -> Self {
        Self { row, next: 0 }
    }

    fn index(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    /// The next column as an integer.
    pub fn integer(&mut self) -> sqlx::Result<i64> {
        self.optional_integer()?.ok_or_else(missing)
    }

    /// The next column as an integer, if it holds one.
    pub fn optional_integer(&mut self) -> sqlx::Result<Option<i64>> {
        let index = self.index();
        self.row.integer(index)
    }

    /// The next column as a number of things.
    pub fn count<T: TryFrom<i64>>(&mut self) -> sqlx::Result<T> {
        T::try_from(self.integer()?).map_err(|_| unreadable("a count out of its range"))
    }

    /// The next column as an id or another checked integer.
    pub fn id<T: TryFrom<i64, Error = &'static str>>(&mut self) -> sqlx::Result<T> {
        self.integer()?.try_into().map_err(unreadable)
    }

    /// The next column as an id, if it holds one.
    pub fn optional_id<T: TryFrom<i64, Error = &'static str>>(&mut self) -> sqlx::Result<Option<T>> {
        self.optional_integer()?.map(T::try_from).transpose().map_err(unreadable)
    }

    /// The next column as it is.
    pub fn string(&mut self) -> sqlx::Result<&'r str> {
        self.optional_string()?.ok_or_else(missing)
    }

    fn optional_string(&mut self) -> sqlx::Result<Option<&'r str>> {
        let index = self.index();
        self.row.text(index)
    }

    /// The next column as bytes.
    pub fn bytes(&mut self) -> sqlx::Result<&'r [u8]> {
        let index = self.index();
        self.row.bytes(index)
    }

    /// The next column as one of the engine's texts.
    pub fn text<T>(&mut self, from_stored: fn(String) -> T) -> sqlx::Result<T> {
        Ok(from_stored(self.string()?.to_owned()))
    }

    /// The next column as one of the engine's texts, if it holds one.
    pub fn optional_text<T>(&mut self, from_stored: fn(String) -> T) -> sqlx::Result<Option<T>> {
        Ok(self.optional_string()?.map(|text| from_stored(text.to_owned())))
    }

    /// The next column as one of a few words.
    pub fn word<T>(&mut self, from_stored: fn(&str) -> Option<T>) -> sqlx::Result<T> {
        from_stored(self.string()?).ok_or_else(unknown_word)
    }

    /// The next column as one of a few words, if it holds one.
    pub fn optional_word<T>(&mut self, from_stored: fn(&str) -> Option<T>) -> sqlx::Result<Option<T>> {
        self.optional_string()?.map(|word| from_stored(word).ok_or_else(unknown_word)).transpose()
    }

    /// The next column as yes or no.
    pub fn flag(&mut self) -> sqlx::Result<bool> {
        let index = self.index();
        self.row.flag(index)
    }

    /// The next column as a time.
    pub fn time(&mut self) -> sqlx::Result<Timestamp> {
        self.integer().map(Timestamp)
    }

    fn optional_time(&mut self) -> sqlx::Result<Option<Timestamp>> {
        Ok(self.optional_integer()?.map(Timestamp))
    }
}

/// The columns [`crate::users::COLUMNS`].
pub fn user(row: &mut Fields<'_>) -> sqlx::Result<User> {
    Ok(User {
        id: row.id()?,
        username: row.text(Username::from_stored)?,
        fullname: row.text(Fullname::from_stored)?,
        email: row.optional_text(Email::from_stored)?,
        email_verified: row.flag()?,
        profile_picture: row.optional_text(PictureUrl::from_stored)?,
        public_key: row.optional_text(PublicKey::from_stored)?,
        is_admin: row.flag()?,
        last_online: row.optional_time()?,
        created_at: row.time()?,
    })
}

/// The columns [`crate::logins::COLUMNS`].
pub fn login(row: &mut Fields<'_>) -> sqlx::Result<Login> {
    Ok(Login {
        id: row.id()?,
        user: row.id()?,
        created_at: row.time()?,
        refreshed_at: row.time()?,
        expires_at: row.time()?,
    })
}

/// The columns [`crate::codes::COLUMNS`].
pub fn code(row: &mut Fields<'_>) -> sqlx::Result<Code> {
    Ok(Code {
        hash: row.bytes()?.try_into().map_err(|_| unreadable("a hash of another length"))?,
        tries: row.count()?,
        expires_at: row.time()?,
        given: row.count()?,
        given_since: row.time()?,
    })
}

/// The columns [`crate::conversations::COLUMNS`].
pub fn conversation(row: &mut Fields<'_>) -> sqlx::Result<Conversation> {
    Ok(Conversation {
        id: row.id()?,
        kind: row.word(Kind::from_stored)?,
        name: row.text(ConversationName::from_stored)?,
        visibility: row.word(Visibility::from_stored)?,
        created_at: row.time()?,
        last_seq: row.id()?,
        member_count: row.count()?,
    })
}

/// A member and their name.
pub fn member(row: &mut Fields<'_>) -> sqlx::Result<Member> {
    Ok(Member {
        user: row.id()?,
        username: row.text(Username::from_stored)?,
        role: row.word(Role::from_stored)?,
        joined_at: row.time()?,
    })
}

/// The columns of [`message_columns!`](crate::message_columns), which are all `NULL` where a join found no message.
pub fn optional_message(row: &mut Fields<'_>) -> sqlx::Result<Option<Message>> {
    let Some(id) = row.optional_id()? else {
        row.next += 10;
        return Ok(None);
    };
    Ok(Some(Message {
        id,
        conversation: row.id()?,
        seq: row.id()?,
        sender: row.id()?,
        sender_username: row.text(Username::from_stored)?,
        content: row.text(|content| content)?,
        reply_id: row.optional_id()?,
        nonce: row.optional_text(Nonce::from_stored)?,
        sent_at: row.time()?,
        edited_at: row.optional_time()?,
        deleted: row.flag()?,
    }))
}

/// The columns of [`message_columns!`](crate::message_columns).
pub fn message(row: &mut Fields<'_>) -> sqlx::Result<Message> {
    optional_message(row)?.ok_or_else(|| unreadable("a message without an id"))
}

/// What strangers see of a public group.
pub fn listing(row: &mut Fields<'_>) -> sqlx::Result<GroupListing> {
    Ok(GroupListing { id: row.id()?, name: row.text(ConversationName::from_stored)?, member_count: row.count()? })
}

/// How far a conversation has come.
pub fn position(row: &mut Fields<'_>) -> sqlx::Result<Position> {
    let (conversation, last_seq, read_up_to) = (row.id()?, row.id()?, row.optional_id()?);
    Ok(Position { conversation, last_seq, unread: row.count()?, read_up_to })
}

/// A value that this version did not write.
pub fn unreadable(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(what.into())
}

fn unknown_word() -> sqlx::Error {
    unreadable("a word that this version does not know")
}

fn missing() -> sqlx::Error {
    unreadable("nothing where there is always something")
}
