//! All schema migrations in order, compiled into the binary.
//!
//! The list is written by hand. sqlx has a macro that reads the directory of migrations, but using it would compile
//! SQLite a second time, for the build host.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// The number, name and SQL of each file in `migrations/`.
const MIGRATIONS: [(i64, &str, &str); 23] = [
    (1, "main path", include_str!("../../../migrations/0001_main_path.sql")),
    (2, "reading", include_str!("../../../migrations/0002_reading.sql")),
    (3, "gaps", include_str!("../../../migrations/0003_gaps.sql")),
    (4, "inputs", include_str!("../../../migrations/0004_inputs.sql")),
    (5, "changes", include_str!("../../../migrations/0005_changes.sql")),
    (6, "counts", include_str!("../../../migrations/0006_counts.sql")),
    (7, "usual", include_str!("../../../migrations/0007_usual.sql")),
    (8, "secrets", include_str!("../../../migrations/0008_secrets.sql")),
    (9, "people", include_str!("../../../migrations/0009_people.sql")),
    (10, "audit", include_str!("../../../migrations/0010_audit.sql")),
    (11, "user counts", include_str!("../../../migrations/0011_user_counts.sql")),
    (12, "external people", include_str!("../../../migrations/0012_external_people.sql")),
    (13, "admin token", include_str!("../../../migrations/0013_admin_token.sql")),
    (14, "workers", include_str!("../../../migrations/0014_workers.sql")),
    (15, "retention", include_str!("../../../migrations/0015_retention.sql")),
    (16, "worker list", include_str!("../../../migrations/0016_worker_list.sql")),
    (17, "pauses", include_str!("../../../migrations/0017_pauses.sql")),
    (18, "silence", include_str!("../../../migrations/0018_silence.sql")),
    (19, "keys", include_str!("../../../migrations/0019_keys.sql")),
    (20, "audit details", include_str!("../../../migrations/0020_audit_details.sql")),
    (21, "resubmissions", include_str!("../../../migrations/0021_resubmissions.sql")),
    (22, "login links", include_str!("../../../migrations/0022_login_links.sql")),
    (23, "queue position", include_str!("../../../migrations/0023_queue_position.sql")),
];

/// Returns the migrator that brings the schema of a database to the current version.
pub(super) fn migrator() -> Migrator {
    migrator_to(MIGRATIONS.len())
}

/// Returns the migrator that performs the first `count` migrations.
fn migrator_to(count: usize) -> Migrator {
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.into_iter().take(count).map(migration).collect())
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection, SqliteConnection};

    use super::*;

    #[tokio::test]
    async fn sessions_from_before_there_were_users_belong_to_the_admin_token() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("SQLite is linked");
        migrator_to(8).run(&mut connection).await.expect("the database is new");
        sqlx::query("insert into sessions (digest, created_at, expires_at) values (x'00', 1, 2), (x'01', 3, 4)")
            .execute(&mut connection)
            .await
            .expect("the table exists");
        migrator().run(&mut connection).await.expect("the migration succeeds");
        let query = "select hex(digest), user_id, expires_at, length(id) from sessions order by created_at";
        let rows: Vec<(String, Option<i64>, i64, i64)> =
            sqlx::query_as(query).fetch_all(&mut connection).await.expect("the table exists");
        assert_eq!(rows, [("00".to_owned(), None, 2, 16), ("01".to_owned(), None, 4, 16)]);
    }

    #[test]
    fn every_file_in_the_migrations_folder_is_listed() {
        let folder = std::fs::read_dir("../migrations").expect("tests run in the folder of their crate");
        let mut files: Vec<String> = folder
            .map(|file| file.expect("reading succeeds").file_name().into_string().expect("the content is text"))
            .collect();
        files.sort();
        let listed = MIGRATIONS.map(|(number, name, _)| format!("{number:04}_{}.sql", name.replace(' ', "_")));
        assert_eq!(files, listed);
    }
}
