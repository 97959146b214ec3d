//! The mapping of groups to roles.

use model::Role;

/// The mapping of groups to roles, with the default role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRoles {
    of_groups: Vec<(String, Role)>,
    default: Option<Role>,
}

impl GroupRoles {
    /// Parses strings such as `ops=admin`. The name of a group may contain equals signs, so the last one is the
    /// separator. `default` is the role of people without a mapped group. If a string is invalid, returns the first
    /// such string as an error.
    pub fn parse(texts: &[String], default: Option<Role>) -> Result<Self, String> {
        let pair = |text: &String| {
            let (group, role) = text.rsplit_once('=')?;
            let role = Role::from_word(role.trim()).filter(|role| Role::OF_PEOPLE.contains(role))?;
            let group = group.trim();
            (!group.is_empty()).then(|| (group.to_owned(), role))
        };
        let of_groups = texts.iter().map(|text| pair(text).ok_or_else(|| text.clone())).collect::<Result<_, _>>()?;
        Ok(Self { of_groups, default })
    }

    /// Returns whether at least one group has a role, or there is a default role.
    #[must_use]
    pub fn give_roles(&self) -> bool {
        !self.of_groups.is_empty() || self.default.is_some()
    }

    /// Returns the most powerful role of a person's groups or, if none of them is mapped, the default role. Returns
    /// `None` if there is no default role.
    #[must_use]
    pub fn role(&self, groups: &[String]) -> Option<Role> {
        let given = self.of_groups.iter().filter(|(group, _)| groups.contains(group)).map(|(_, role)| *role);
        given.reduce(|one, other| if one.includes(other) { one } else { other }).or(self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_most_powerful_role_of_all_groups_counts() {
        let mapping = ["staff=viewer", "ops=admin", "dev = operator", "cn=all,dc=example=viewer"];
        let roles = GroupRoles::parse(&texts(&mapping), None).expect("they are valid");
        for (groups, role) in [
            (&["staff"][..], Some(Role::Viewer)),
            (&["staff", "ops", "dev"], Some(Role::Admin)),
            (&["dev", "staff"], Some(Role::Operator)),
            (&["cn=all,dc=example"], Some(Role::Viewer)),
            (&["Ops", "opsadmin", "ops=admin", ""], None),
            (&[], None),
        ] {
            assert_eq!(roles.role(&texts(groups)), role, "{groups:?}");
        }
    }

    #[test]
    fn people_without_a_mapped_group_have_the_default_role_if_there_is_one() {
        let roles = GroupRoles::parse(&texts(&["ops=admin"]), Some(Role::Viewer)).expect("they are valid");
        assert_eq!(roles.role(&texts(&["other"])), Some(Role::Viewer));
        assert_eq!(roles.role(&texts(&["ops"])), Some(Role::Admin));
    }

    #[test]
    fn an_entry_without_a_group_or_with_an_unknown_role_is_reported() {
        for invalid in ["ops", "ops=", "=admin", " =admin", "ops=root", "ops=worker", "ops=Admin", ""] {
            let error = GroupRoles::parse(&texts(&["dev=viewer", invalid]), None);
            assert_eq!(error.expect_err("it is invalid"), invalid);
        }
    }
}
