//! The secrets that a job or a step asks for.

use std::collections::BTreeMap;

use super::checks::{check_variable, is_variable_name};
use super::{InvalidPayload, invalid};

/// A named secret that a step receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// The secret's name.
    pub name: String,
    /// The environment variable through which the step receives the secret.
    pub variable: String,
    /// The content of the variable.
    pub form: SecretForm,
}

/// The form in which a step receives a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretForm {
    /// The variable contains the value.
    Value,
    /// The variable contains the path of a file that contains the value.
    File,
}

/// Checks the lists `secrets` and `secretFiles` of a job or a step. An entry is `VARIABLE=NAME`, or only the `NAME` of
/// a secret if the variable has the same name. `path` is the path of the job or the step in the payload, and `env` are
/// its variables.
pub(super) fn check_secrets(
    path: &str,
    values: &[String],
    files: &[String],
    env: &BTreeMap<String, String>,
) -> Result<Vec<SecretUse>, InvalidPayload> {
    let of = |list: &'static str, form: SecretForm, entries: &[String]| {
        let entries: Vec<_> = entries.iter().cloned().enumerate().collect();
        entries.into_iter().map(move |(index, entry)| (list, index, form, entry))
    };
    for (list, entries) in [("secrets", values), ("secretFiles", files)] {
        if entries.len() > MAX_ENTRIES {
            let problem = format!("must have at most {MAX_ENTRIES} entries, not {}", entries.len());
            return Err(invalid(format!("{path}.{list}"), problem));
        }
    }
    let mut uses: Vec<SecretUse> = Vec::new();
    for (list, index, form, entry) in
        of("secrets", SecretForm::Value, values).chain(of("secretFiles", SecretForm::File, files))
    {
        let at = || format!("{path}.{list}[{index}]");
        let (variable, name) = entry.split_once('=').unwrap_or((&entry, &entry));
        check_name(&at(), name)?;
        check_name(&at(), variable)?;
        check_variable(&at(), variable)?;
        if env.contains_key(variable) {
            return Err(invalid(at(), format!("the variable {variable} is also in env; remove it from one of them")));
        }
        if uses.iter().any(|other| other.variable == variable) {
            return Err(invalid(at(), format!("the variable {variable} is already used for another secret")));
        }
        uses.push(SecretUse { name: name.to_owned(), variable: variable.to_owned(), form });
    }
    Ok(uses)
}

/// The maximum length of a secret's name, and of its variable's name, in bytes.
const MAX_NAME: usize = 100;

/// The maximum number of entries in each of the two lists.
const MAX_ENTRIES: usize = 100;

/// Checks the name of a secret, which has the form of an environment variable's name.
pub(in crate::queue) fn check_name(field: &str, name: &str) -> Result<(), InvalidPayload> {
    if !is_variable_name(name) || name.len() > MAX_NAME {
        let problem = format!(
            "{name:?} is not the name of a secret: use up to {MAX_NAME} letters, digits and '_', and do not start with a digit"
        );
        return Err(invalid(field, problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], files: &[&str], env: &[&str]) -> Result<Vec<SecretUse>, String> {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let env = env.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        check_secrets("payload", &texts(values), &texts(files), &env).map_err(|error| error.field)
    }

    #[test]
    fn a_secret_is_passed_in_the_variable_of_the_same_name_unless_another_is_given() {
        let uses = check(&["DEPLOY_TOKEN", "TOKEN=DEPLOY_TOKEN"], &["KUBECONFIG=PROD_CLUSTER"], &["PATH"]);
        let uses: Vec<_> =
            uses.expect("they are valid").into_iter().map(|uses| (uses.variable, uses.name, uses.form)).collect();
        let expected = [
            ("DEPLOY_TOKEN".into(), "DEPLOY_TOKEN".into(), SecretForm::Value),
            ("TOKEN".into(), "DEPLOY_TOKEN".into(), SecretForm::Value),
            ("KUBECONFIG".into(), "PROD_CLUSTER".into(), SecretForm::File),
        ];
        assert_eq!(uses, expected);
    }

    #[test]
    fn errors_name_the_entry() {
        for (values, files, env, field) in [
            (&["A", "1A"][..], &[][..], &[][..], "payload.secrets[1]"),
            (&[""], &[], &[], "payload.secrets[0]"),
            (&["A="], &[], &[], "payload.secrets[0]"),
            (&["=A"], &[], &[], "payload.secrets[0]"),
            (&["A=B=C"], &[], &[], "payload.secrets[0]"),
            (&["A-B"], &[], &[], "payload.secrets[0]"),
            (&["TAILWATER_JOB_ID=A"], &[], &[], "payload.secrets[0]"),
            (&["A", "A"], &[], &[], "payload.secrets[1]"),
            (&["A"], &["A"], &[], "payload.secretFiles[0]"),
            (&["A"], &[], &["A"], "payload.secrets[0]"),
            (&[], &["A=B"], &["A"], "payload.secretFiles[0]"),
        ] {
            assert_eq!(check(values, files, env).expect_err("it is invalid"), field, "{values:?} {files:?} {env:?}");
        }
    }
}
