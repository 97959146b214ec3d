//! Stores the working directories, the shell and the names of variables that were used most recently in the form.
//! Values of variables, titles and commands are never stored.

use serde::{Deserialize, Serialize};

use crate::job_form::{EACH_ITS_OWN, JobForm, MASK};
use crate::ui::storage;

/// The key under which the values are stored in the browser.
const KEY: &str = "tailwater.new-job";
/// The maximum number of suggested working directories.
const DIRECTORIES: usize = 8;
/// The maximum number of suggested variable names.
const NAMES: usize = 40;
/// The maximum length of a stored text in bytes, which is the maximum length of a path on Linux.
const LONGEST: usize = 4096;

/// The values used most recently. Lists begin with the latest value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Remembered {
    /// Working directories of jobs.
    pub working_directories: Vec<String>,
    /// The shell, or an empty string for the server's default.
    pub shell: String,
    /// Names of environment variables.
    pub names: Vec<String>,
}

impl Remembered {
    /// Reads the values from the browser's storage. Returns empty values if none are stored or if they are invalid.
    pub fn load() -> Self {
        storage::read(KEY).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Writes the values to the browser's storage.
    pub fn store(&self) {
        if let Ok(text) = serde_json::to_string(self) {
            storage::write(KEY, &text);
        }
    }

    /// Records the values of a submitted form as the latest ones.
    #[must_use]
    pub fn with(mut self, form: &JobForm) -> Self {
        put_first(&mut self.working_directories, &form.working_directory, DIRECTORIES);
        for variable in form.env.iter().rev() {
            put_first(&mut self.names, &variable.name, NAMES);
        }
        if form.shell != EACH_ITS_OWN && is_kept(&form.shell) {
            self.shell.clone_from(&form.shell);
        }
        self
    }
}

fn put_first(texts: &mut Vec<String>, text: &str, most: usize) {
    let text = text.trim();
    if !text.is_empty() && is_kept(text) {
        texts.retain(|known| known != text);
        texts.insert(0, text.to_owned());
        texts.truncate(most);
    }
}

fn is_kept(text: &str) -> bool {
    text.len() <= LONGEST && !text.contains(MASK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job_form::FormVariable;

    fn form(directory: &str, shell: &str, names: &[&str]) -> JobForm {
        let variable = |name: &&str| FormVariable {
            name: (*name).to_owned(),
            value: "a-value".to_owned(),
            ..FormVariable::default()
        };
        JobForm {
            title: "a-title".into(),
            working_directory: directory.into(),
            shell: shell.into(),
            env: names.iter().map(variable).collect(),
            ..JobForm::empty()
        }
    }

    #[test]
    fn the_latest_values_come_first_without_duplicates() {
        let last = Remembered::default().with(&form("/a", "bash", &["A", "B"])).with(&form("/b", "", &["C", "A"]));
        let last = last.with(&form(" /a ", EACH_ITS_OWN, &[""]));
        assert_eq!(last.working_directories, ["/a", "/b"]);
        assert_eq!(last.names, ["C", "A", "B"]);
        assert_eq!(last.shell, "");
    }

    #[test]
    fn no_value_title_or_mask_is_stored_and_the_number_of_entries_is_limited() {
        let mut last = Remembered::default().with(&form("/x/[REDACTED]", "bash", &["[REDACTED]", "API_TOKEN"]));
        assert_eq!(
            serde_json::to_value(&last).expect("it is JSON"),
            serde_json::json!({
                "workingDirectories": [], "shell": "bash", "names": ["API_TOKEN"],
            })
        );
        for number in 0..100 {
            last = last.with(&form(&format!("/{number}"), "", &[&format!("N{number}")]));
        }
        last = last.with(&form(&"x".repeat(5_000), "", &[]));
        assert_eq!((last.working_directories.len(), last.names.len()), (DIRECTORIES, NAMES));
        assert_eq!(last.working_directories[0], "/99");
    }
}
