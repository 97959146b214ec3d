//! The default name of a worker.

use std::fs;
use std::io;
use std::path::Path;

use crate::machine;

/// The number of characters of the id in a name.
const ID: usize = 8;

/// Returns the name of the machine, followed by an id that is stored in the worker's directory. Machines with the same
/// name, such as containers, therefore have workers with different names, and a worker keeps its name when it is
/// restarted.
pub(super) fn of_worker(folder: &Path) -> io::Result<String> {
    let path = folder.join("worker-id");
    let id = match fs::read_to_string(&path) {
        Ok(id) => id,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = uuid::Uuid::now_v7().simple().to_string().split_off(32 - ID);
            fs::write(&path, &id)?;
            id
        }
        Err(error) => return Err(error),
    };
    Ok(format!("{}-{}", of_machine(), id.trim()))
}

/// Returns the name of the machine, without characters that are unusual in host names.
fn of_machine() -> String {
    let name: String = machine::name()
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
        .take(100)
        .collect();
    if name.is_empty() { "worker".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_keeps_its_name_and_others_have_other_names() {
        let [one, two] = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
        let name = |folder: &tempfile::TempDir| of_worker(folder.path()).expect("the folder can be written");
        assert_eq!(name(&one), name(&one));
        assert_ne!(name(&one), name(&two));
        assert!(name(&one).starts_with(&of_machine()));
    }
}
