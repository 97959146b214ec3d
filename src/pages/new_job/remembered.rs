//! What the form was filled with last: working directories, the shell and names of variables. Never a value, title or command.

use serde::{Deserialize, Serialize};

use crate::job_form::{EACH_ITS_OWN, JobForm, MASK};
use crate::ui::storage;

/// Where the browser keeps it.
const KEY: &str = "tailwater.new-job";
/// Working directories that are offered: what somebody uses in turns.
const DIRECTORIES: usize = 8;
/// Names of variables that are offered.
const NAMES: usize = 40;
/// The longest text that is kept, in bytes: no path on Linux is longer.
const LONGEST: usize = 4096;

/// What was used last, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Remembered {
    /// Where jobs ran.
    pub working_directories: Vec<String>,
    /// The shell; empty for the server's choice.
    pub shell: String,
    /// Names of variables.
    pub names: Vec<String>,
}

impl Remembered {
    /// Reads what the browser keeps. What is not ours is as good as nothing.
    pub fn load() -> Self {
        storage::read(KEY).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Has the browser keep it.
    pub fn store(&self) {
        if let Ok(text) = serde_json::to_string(self) {
            storage::write(KEY, &text);
        }
    }

    /// Adds what a form was filled with. Pure.
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
    fn the_latest_comes_first_and_nothing_comes_twice() {
        let last = Remembered::default().with(&form("/a", "bash", &["A", "B"])).with(&form("/b", "", &["C", "A"]));
        let last = last.with(&form(" /a ", EACH_ITS_OWN, &[""]));
        assert_eq!(last.working_directories, ["/a", "/b"]);
        assert_eq!(last.names, ["C", "A", "B"]);
        assert_eq!(last.shell, "");
    }

    #[test]
    fn no_value_title_or_mask_is_kept_and_what_is_kept_is_bounded() {
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
