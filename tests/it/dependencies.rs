//! What the lock file may not hold.

#[test]
fn there_is_one_sqlite() {
    // Two of them in one process break each other's locks.
    let lock = std::fs::read_to_string("Cargo.lock").expect("tests run in the package's folder");
    assert_eq!(lock.matches("name = \"libsqlite3-sys\"").count(), 1);
}
