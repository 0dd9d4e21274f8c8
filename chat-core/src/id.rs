//! Typed identifiers. The rule: users and conversations draw from one sequence, so an id names one or the other, never both.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The first integer that JavaScript and JSON readers built on doubles cannot hold exactly.
const TOO_LARGE: i64 = 1 << 53;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name(i64);

        impl $name {
            /// The lowest id.
            pub const MIN: Self = Self(1);

            /// The id as an integer from 1 to 2^53 - 1.
            #[must_use]
            pub fn get(self) -> i64 {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = &'static str;

            fn try_from(id: i64) -> Result<Self, Self::Error> {
                if (1..TOO_LARGE).contains(&id) { Ok(Self(id)) } else { Err("must be an id: an integer from 1 to 2^53 - 1") }
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse::<i64>().unwrap_or(0).try_into()
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> i64 {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A person or program that can take part in conversations.
    UserId
);
id!(
    /// A direct conversation or a group.
    ConversationId
);
id!(
    /// A message; grows with `seq` inside a conversation.
    MessageId
);
id!(
    /// One login of one user on one device.
    LoginId
);

/// Names one session among all sessions of a process, for as long as the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A place in the order of a conversation: 1, 2, 3 … without a gap. Zero is the place before the first change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Seq(i64);

impl Seq {
    /// The place before the first change.
    pub const ZERO: Seq = Seq(0);

    /// The place as an integer.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// The place right after this one.
    #[must_use]
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

impl TryFrom<i64> for Seq {
    type Error = &'static str;

    fn try_from(seq: i64) -> Result<Self, Self::Error> {
        if (0..TOO_LARGE).contains(&seq) { Ok(Self(seq)) } else { Err("must be a seq: an integer from 0 to 2^53 - 1") }
    }
}

impl From<Seq> for i64 {
    fn from(seq: Seq) -> i64 {
        seq.0
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
