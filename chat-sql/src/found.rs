//! What a look at a database finds. The rule: whoever looks changes nothing.

use sqlx::migrate::Migrator;

/// What is where the tables are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing yet; opening makes the tables.
    Nothing,
    /// Tables that an older version of this program made; opening brings them up to date.
    Older,
    /// The tables as this program makes them.
    Current,
}

/// Why tables cannot be used by this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// A newer version of it has changed them.
    Newer,
    /// They are not those that it made.
    Altered,
}

/// Compares the migrations that were carried out, by version and checksum, with those that there are.
///
/// # Errors
/// [`Misfit`] if there is one among them that this program does not know.
pub fn compare(migrator: &Migrator, applied: &[(i64, Vec<u8>)]) -> Result<Found, Misfit> {
    for (version, checksum) in applied {
        let known = migrator.iter().find(|migration| migration.version == *version).ok_or(Misfit::Newer)?;
        if *known.checksum != **checksum {
            return Err(Misfit::Altered);
        }
    }
    Ok(if applied.len() < migrator.iter().count() { Found::Older } else { Found::Current })
}
