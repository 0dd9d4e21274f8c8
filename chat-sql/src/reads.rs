//! What both adapters read alike, up to the trait of the core. The rule: what only members may see is read through their
//! membership, in one statement, so that nobody sees it a moment after they left.

/// Implements [`ConversationStorage`](chat_core::ConversationStorage) for a storage, by a method of it that lends a
/// [`Database`](crate::Database) to read from.
#[macro_export]
macro_rules! conversation_storage {
    ($storage:ty, $lend:ident) => {
        const _: () = {
            use chat_core::{
                Conversation, ConversationId, ConversationStorage, GroupListing, Kind, Member, Page, Position, Search,
                StorageError, Summary, UserId,
            };
            use $crate::{Database, conversations, fields};

            #[async_trait::async_trait]
            impl ConversationStorage for $storage {
                async fn find_conversation(
                    &self,
                    viewer: UserId,
                    conversation: ConversationId,
                ) -> Result<Option<Conversation>, StorageError> {
                    Ok(self.$lend().find(&conversations::find(viewer, conversation), fields::conversation).await?)
                }

                async fn list_conversations(
                    &self,
                    viewer: UserId,
                    kind: Option<Kind>,
                    before: Option<i64>,
                    limit: u32,
                ) -> Result<Page<Summary>, StorageError> {
                    conversations::list_conversations(&mut self.$lend(), viewer, kind, before, limit).await
                }

                async fn list_memberships(&self, user: UserId) -> Result<Vec<ConversationId>, StorageError> {
                    Ok(self.$lend().list(&conversations::list_memberships(user), |row| row.id()).await?)
                }

                async fn list_positions(&self, viewer: UserId) -> Result<Vec<Position>, StorageError> {
                    conversations::list_positions(&mut self.$lend(), viewer).await
                }

                async fn list_members(
                    &self,
                    viewer: UserId,
                    conversation: ConversationId,
                    after: Option<i64>,
                    limit: u32,
                ) -> Result<Option<Page<Member>>, StorageError> {
                    conversations::page_of_members(&mut self.$lend(), viewer, conversation, after, limit).await
                }

                async fn find_member(
                    &self,
                    conversation: ConversationId,
                    user: UserId,
                ) -> Result<Option<Member>, StorageError> {
                    Ok(self.$lend().find(&conversations::find_member(conversation, user), fields::member).await?)
                }

                async fn find_public_group(&self, group: ConversationId) -> Result<Option<GroupListing>, StorageError> {
                    Ok(self.$lend().find(&conversations::find_public_group(group), fields::listing).await?)
                }

                async fn list_public_groups(
                    &self,
                    search: Option<&Search>,
                    after: Option<ConversationId>,
                    limit: u32,
                ) -> Result<Page<GroupListing>, StorageError> {
                    conversations::page_of_public_groups(&mut self.$lend(), search, after, limit).await
                }
            }
        };
    };
}
