//! Reads of conversations and memberships. The rule: they are the same on both databases, and stand in `chat_sql`.

use crate::SqliteStorage;

chat_sql::conversation_storage!(SqliteStorage, readers);
