//! What a job requires of its worker: capabilities (`requiredCapabilities`), and an API token that permits the job's
//! `repository`.

use redact::Redactor;

use super::{InvalidPayload, JobPayload, invalid};
use crate::json::{Json, Node};
use crate::queue::maskers::check_no_secret;

/// The maximum number of capabilities of a job or a worker.
const MAX_CAPABILITIES: usize = 100;
/// The maximum length of a capability, in characters.
const MAX_LENGTH: usize = 100;

/// The member of a payload that lists the required capabilities.
const FIELD: &str = "payload.requiredCapabilities";

/// Checks a list of capabilities, and returns it sorted, in lower case and without duplicates. Capabilities are
/// compared without regard to case and surrounding white space.
pub(in crate::queue) fn check_capabilities(field: &str, names: &[String]) -> Result<Vec<String>, InvalidPayload> {
    if names.len() > MAX_CAPABILITIES {
        return Err(invalid(field, format!("must have at most {MAX_CAPABILITIES} entries, not {}", names.len())));
    }
    let mut checked = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let name = name.trim().to_lowercase();
        if name.is_empty() || name.chars().count() > MAX_LENGTH || name.chars().any(char::is_control) {
            return Err(invalid(
                format!("{field}[{index}]"),
                format!("must have 1 to {MAX_LENGTH} characters and no control characters"),
            ));
        }
        checked.push(name);
    }
    checked.sort();
    checked.dedup();
    Ok(checked)
}

impl JobPayload {
    /// Returns the capabilities that the job requires of its worker.
    pub(in crate::queue) fn required_capabilities(&self) -> Result<Vec<String>, InvalidPayload> {
        check_capabilities(FIELD, &self.listed_capabilities()?)
    }

    /// Returns the list `requiredCapabilities` of the payload.
    fn listed_capabilities(&self) -> Result<Vec<String>, InvalidPayload> {
        match self {
            Self::Command(raw) => Ok(raw.required_capabilities.clone()),
            Self::Other(json) => match json.get("requiredCapabilities") {
                None | Some(Json { node: Node::Null, .. }) => Ok(Vec::new()),
                Some(list) => list.read().map_err(|_| invalid(FIELD, "must be a list of strings")),
            },
            Self::Unreadable(_) => Ok(Vec::new()),
        }
    }

    /// Checks that the list `requiredCapabilities` contains no secret. Capabilities are stored and compared as they
    /// are.
    pub(in crate::queue) fn check_capabilities_for_secrets(&self, redactor: &Redactor) -> Result<(), InvalidPayload> {
        let names = self.listed_capabilities()?;
        names
            .iter()
            .enumerate()
            .try_for_each(|(index, name)| check_no_secret(format!("{FIELD}[{index}]"), name, redactor))
    }

    /// Returns the member `repository` of the payload, or `None` if it has none. The API tokens of workers can be
    /// limited to certain repositories. Payloads of the type `command` have no such member.
    pub(in crate::queue) fn repository(&self) -> Option<&str> {
        match self {
            Self::Other(json) => json.get("repository").and_then(Json::as_str),
            Self::Command(_) | Self::Unreadable(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required(kind: &str, payload: &str) -> Result<Vec<String>, String> {
        let payload = JobPayload::parse(kind, payload).map_err(|error| error.field)?;
        payload.required_capabilities().map_err(|error| error.field)
    }

    #[test]
    fn capabilities_are_read_from_the_payloads_of_all_types() {
        for kind in ["command", "elsewhere"] {
            let of = |list: &str| required(kind, &format!("{{\"run\":\"true\",\"requiredCapabilities\":{list}}}"));
            assert_eq!(of("[\"GPU\",\" git \",\"gpu\"]").expect("they are valid"), ["git", "gpu"], "{kind}");
            assert_eq!(of("[]").expect("they are valid"), [""; 0], "{kind}");
            assert_eq!(of("[\"\"]"), Err("payload.requiredCapabilities[0]".to_owned()), "{kind}");
            assert_eq!(of("[\"a\\nb\"]"), Err("payload.requiredCapabilities[0]".to_owned()), "{kind}");
            assert!(of("\"gpu\"").is_err(), "{kind}");
        }
        assert_eq!(required("elsewhere", "{\"requiredCapabilities\":null}").expect("it is valid"), [""; 0]);
    }
}
