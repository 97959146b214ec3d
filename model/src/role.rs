//! Roles, which determine what a person or a program may do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The role of a person or a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads jobs and their output.
    Viewer,
    /// Submits and cancels jobs as well.
    Operator,
    /// Manages secrets and people as well.
    Admin,
    /// Claims jobs and reports their output. A worker can do nothing else, not even read the list of jobs.
    Worker,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Admin, Self::Worker];

    /// The roles of people, from the least to the most powerful. `Worker` is missing, because workers are programs.
    pub const OF_PEOPLE: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// Returns the word for this role in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Worker => "worker",
        }
    }

    /// Returns the role for which [`Self::as_str`] returns this word, or `None` if there is none.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Returns whether this role permits everything that `other` permits.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        match self {
            Self::Viewer => matches!(other, Self::Viewer),
            Self::Operator => matches!(other, Self::Viewer | Self::Operator),
            Self::Admin => matches!(other, Self::Viewer | Self::Operator | Self::Admin),
            Self::Worker => matches!(other, Self::Worker),
        }
    }

    /// Returns whether someone with this role may create a token with the role `other`. Only administrators may create
    /// tokens for workers.
    #[must_use]
    pub const fn may_grant(self, other: Self) -> bool {
        matches!(self, Self::Admin) || (self.includes(other) && !matches!(other, Self::Worker))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_of_people_includes_the_weaker_ones_and_a_worker_includes_only_itself() {
        for (power, role) in Role::OF_PEOPLE.into_iter().enumerate() {
            for (other_power, other) in Role::OF_PEOPLE.into_iter().enumerate() {
                assert_eq!(role.includes(other), power >= other_power, "{role} {other}");
            }
            assert!(!role.includes(Role::Worker) && !Role::Worker.includes(role), "{role}");
        }
        assert!(Role::Worker.includes(Role::Worker));
    }

    #[test]
    fn nobody_can_grant_a_role_that_permits_more_than_their_own() {
        let granted = |by: Role| Role::ALL.into_iter().filter(|role| by.may_grant(*role)).collect::<Vec<_>>();
        assert_eq!(granted(Role::Viewer), [Role::Viewer]);
        assert_eq!(granted(Role::Operator), [Role::Viewer, Role::Operator]);
        assert_eq!(granted(Role::Admin), Role::ALL);
        assert_eq!(granted(Role::Worker), []);
    }

    #[test]
    fn words_and_roles_correspond() {
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.as_str()), Some(role));
            assert_eq!(serde_json::to_string(&role).expect("it is a string"), format!("{:?}", role.as_str()));
        }
        assert_eq!(Role::from_word("Admin"), None);
    }
}
