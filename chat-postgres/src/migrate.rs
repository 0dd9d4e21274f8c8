//! Brings the tables up to date. The rule: all of it happens in one transaction that holds a lock of its own from its start,
//! so that nodes which start at once do it one after the other, and one that is killed has done nothing.

use crate::open::{OpenError, Place};
use crate::schema::Schema;
use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::borrow::Cow;

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!();

/// Which migrations were carried out; not the name that sqlx proposes, which the host may use.
pub(crate) const TABLE: &str = "chat_migrations";

pub(crate) async fn migrate(connection: &mut PgConnection, schema: &Schema, place: &Place) -> Result<(), OpenError> {
    let unavailable = |source| place.refusal(source);
    let mut transaction = connection.begin().await.map_err(unavailable)?;
    if encoding(&mut transaction).await.map_err(unavailable)? != "UTF8" {
        return Err(OpenError::Encoding { place: place.clone() });
    }
    lock(&mut transaction, schema).await.map_err(unavailable)?;
    keep_quiet(&mut transaction).await.map_err(unavailable)?;
    match content(&mut transaction, schema).await.map_err(unavailable)? {
        Content::Missing => create(&mut transaction, schema).await.map_err(unavailable)?,
        Content::Empty | Content::Ours => {}
        Content::Foreign => {
            return Err(OpenError::Foreign { place: place.clone(), schema: schema.name().to_owned() });
        }
    }
    let migrator = migrator(schema);
    migrator.run_direct(None, &mut *transaction, false).await.map_err(|error| meaning(error, place))?;
    transaction.commit().await.map_err(unavailable)
}

pub(crate) async fn encoding(connection: &mut PgConnection) -> sqlx::Result<String> {
    sqlx::query_scalar("SELECT current_setting('server_encoding')").fetch_one(connection).await
}

async fn lock(connection: &mut PgConnection, schema: &Schema) -> sqlx::Result<()> {
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('chat migrations ' || $1, 0))";
    sqlx::query(lock).bind(schema.name()).execute(connection).await?;
    Ok(())
}

/// That a table is there already is no news to anyone.
async fn keep_quiet(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("SET LOCAL client_min_messages = warning").execute(connection).await?;
    Ok(())
}

/// What a schema holds.
pub(crate) enum Content {
    Missing,
    Empty,
    Ours,
    Foreign,
}

pub(crate) async fn content(connection: &mut PgConnection, schema: &Schema) -> sqlx::Result<Content> {
    let content = "
        SELECT count(*), count(*) FILTER (WHERE c.relkind IS NOT NULL), count(*) FILTER (WHERE c.relname = $2)
        FROM pg_catalog.pg_namespace AS n LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid
        WHERE n.nspname = $1";
    let counts: (i64, i64, i64) = sqlx::query_as(content).bind(schema.name()).bind(TABLE).fetch_one(connection).await?;
    Ok(match counts {
        (0, ..) => Content::Missing,
        (_, 0, _) => Content::Empty,
        (.., 0) => Content::Foreign,
        _ => Content::Ours,
    })
}

/// Asks for the right to create schemas only if there is one to create.
async fn create(connection: &mut PgConnection, schema: &Schema) -> sqlx::Result<()> {
    let create = format!("CREATE SCHEMA \"{}\"", schema.name());
    sqlx::raw_sql(AssertSqlSafe(create)).execute(connection).await?;
    Ok(())
}

/// The migrations for this schema; their checksums are those of the texts as they stand in the files.
fn migrator(schema: &Schema) -> Migrator {
    let filled =
        MIGRATOR.iter().map(|migration| Migration { sql: schema.fill(migration.sql.as_str()), ..migration.clone() });
    let mut migrator = Migrator { migrations: Cow::Owned(filled.collect()), ..Migrator::DEFAULT };
    migrator.dangerous_set_table_name(format!("\"{}\".{TABLE}", schema.name()));
    migrator.set_locking(false);
    migrator
}

fn meaning(error: MigrateError, place: &Place) -> OpenError {
    match error {
        MigrateError::VersionMissing(_) => OpenError::Newer { place: place.clone() },
        MigrateError::VersionMismatch(_) | MigrateError::Dirty(_) => OpenError::Altered { place: place.clone() },
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => place.refusal(error),
        other => place.refusal(sqlx::Error::Configuration(other.into())),
    }
}
