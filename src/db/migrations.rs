//! The schema's history, compiled in: each step of it, in order.
//!
//! Written out by hand, because the macro that would read the folder compiles a second SQLite for the compiler's own use.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Every file of `migrations/`: its number, its name and what it holds.
const MIGRATIONS: [(i64, &str, &str); 4] = [
    (1, "main path", include_str!("../../migrations/0001_main_path.sql")),
    (2, "reading", include_str!("../../migrations/0002_reading.sql")),
    (3, "gaps", include_str!("../../migrations/0003_gaps.sql")),
    (4, "inputs", include_str!("../../migrations/0004_inputs.sql")),
];

/// Returns what brings a database up to date.
pub(super) fn migrator() -> Migrator {
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.map(migration).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_a_migration() {
        let folder = std::fs::read_dir("migrations").expect("tests run at the top of the repository");
        let mut files: Vec<String> =
            folder.map(|file| file.expect("it can be read").file_name().into_string().expect("it is text")).collect();
        files.sort();
        let listed = MIGRATIONS.map(|(number, name, _)| format!("{number:04}_{}.sql", name.replace(' ', "_")));
        assert_eq!(files, listed);
    }
}
