//! Restrictions on the lock file.

#[test]
fn there_is_one_sqlite() {
    // Two copies of SQLite in one process would break each other's file locks.
    let lock = std::fs::read_to_string("Cargo.lock").expect("tests run in the package's folder");
    assert_eq!(lock.matches("name = \"libsqlite3-sys\"").count(), 1);
}
