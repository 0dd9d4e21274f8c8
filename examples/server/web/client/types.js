// The shapes that the server speaks in, for the type checker and for readers. The rule: names are those of the wire
// (docs/API.md, sections 1 and 5), so that nothing is translated on the way.

/**
 * @typedef {object} User
 * @property {number} id
 * @property {string} username
 * @property {string} fullname
 * @property {string | null} profile_picture
 * @property {boolean} is_online
 * @property {number} last_online Unix seconds
 * @property {number} created_at
 * @property {string | null} [email] only of oneself
 * @property {boolean} [email_verified] only of oneself
 */

/**
 * @typedef {object} Message
 * @property {number} id
 * @property {number} conversation_id
 * @property {number} seq
 * @property {string} sender_username
 * @property {number} sender_id
 * @property {string} content
 * @property {number | null} reply_id
 * @property {string | null} nonce
 * @property {number} sent_at
 * @property {number | null} edited_at
 * @property {boolean} deleted
 */

/** @typedef {"owner" | "admin" | "member"} Role */
/** @typedef {"private" | "public"} Visibility */

/**
 * @typedef {object} Member
 * @property {number} id
 * @property {string} username
 * @property {Role} role
 * @property {number | null} [read_up_to]
 */

/**
 * A conversation as a list shows it.
 * @typedef {object} Summary
 * @property {number} id
 * @property {"direct" | "group"} kind
 * @property {string} name
 * @property {Visibility} visibility
 * @property {number} created_at
 * @property {number} last_seq
 * @property {number} member_count
 * @property {string[]} members
 * @property {number} [unread]
 * @property {Message | null} [last_message]
 * @property {number | null} [read_up_to]
 */

/**
 * A conversation read alone.
 * @typedef {Omit<Summary, "members"> & { members: Member[] }} Details
 */

/**
 * A public group as strangers see it.
 * @typedef {{ id: number, name: string, visibility: Visibility, member_count: number }} GroupListing
 */

/**
 * What a conversation's place is, in the answer to `resume`.
 * @typedef {{ id: number, last_seq: number | null, unread: number, read_up_to: number | null, reset: boolean }} Position
 */

/**
 * One frame of the event socket.
 * @typedef {object} Frame
 * @property {string} type
 * @property {boolean} success
 * @property {any} [data]
 * @property {string} [error]
 * @property {string} [code]
 * @property {string | number} [ref]
 */

/**
 * Where text is kept between visits; `localStorage` is one.
 * @typedef {object} Store
 * @property {(key: string) => string | null} getItem
 * @property {(key: string, value: string) => void} setItem
 * @property {(key: string) => void} removeItem
 * @property {() => string[]} keys
 */

/**
 * A conversation as it was known at one moment.
 * @typedef {object} KeptConversation
 * @property {number} id
 * @property {"direct" | "group"} kind
 * @property {string} name
 * @property {Visibility} visibility
 * @property {number} created_at
 * @property {number} last_seq
 * @property {number} member_count
 * @property {string[]} names
 * @property {number} unread
 * @property {Message | null} last_message
 * @property {number | null} read_up_to
 * @property {Member[] | null} members
 * @property {Message[]} messages
 * @property {"none" | "part" | "whole"} extent
 * @property {[string, number][]} marks
 */

/**
 * Where what is known is kept between visits.
 * @typedef {object} Archive
 * @property {(owner: string) => Promise<{ epoch: string, conversations: KeptConversation[], people: User[] } | null>} load
 * @property {(owner: string, news: { epoch: string, conversations: KeptConversation[], gone: number[], people: User[] | null }) => Promise<void>} save
 * @property {() => Promise<void>} clear
 */

/**
 * Lets one piece of work of a name run at a time, over everyone who shares the store.
 * @typedef {<T>(name: string, work: () => Promise<T>) => Promise<T>} Lock
 */

export {};
