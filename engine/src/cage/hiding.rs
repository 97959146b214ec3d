//! Decides whether and how the data directory is hidden from steps.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::str::FromStr;

use supervise::cage::Hiding;

/// The operator's choice of whether the data directory is hidden from jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobData {
    /// The data directory is hidden if that does not restrict ordinary commands.
    #[default]
    Auto,
    /// The data directory is always hidden. If it cannot be hidden, the server does not start.
    Hidden,
    /// The data directory is not hidden.
    Visible,
}

/// The error for a name that is not in [`JobData::NAMES`].
#[derive(Debug, thiserror::Error)]
#[error("expected `auto`, `hidden` or `visible`")]
pub struct ParseJobDataError;

impl JobData {
    /// The names of the variants, as used in settings.
    pub const NAMES: [&str; 3] = ["auto", "hidden", "visible"];
}

impl Display for JobData {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [auto, hidden, visible] = Self::NAMES;
        f.write_str(match self {
            Self::Auto => auto,
            Self::Hidden => hidden,
            Self::Visible => visible,
        })
    }
}

impl FromStr for JobData {
    type Err = ParseJobDataError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Auto, Self::Hidden, Self::Visible];
        all.into_iter().find(|choice| choice.to_string() == text).ok_or(ParseJobDataError)
    }
}

/// The facts on which the decision depends.
#[derive(Clone, Debug, Default)]
pub(super) struct Situation {
    /// Whether the server can mount an empty directory over the data directory.
    pub(super) can_mount: bool,
    /// Whether steps are restricted with Landlock.
    pub(super) landlock: bool,
    /// Whether the supervisor can cover the data directory in a user namespace.
    pub(super) user_namespace: bool,
    /// A directory that contains the data directory and that jobs can write to, if there is one. The root directory
    /// does not count.
    pub(super) writable: Option<PathBuf>,
    /// A directory that contains the data directory and has too many entries, if there is one. Landlock would need a
    /// rule for each entry.
    pub(super) crowded: Option<PathBuf>,
    /// The home directory of the user that jobs run as, if it is inside the data directory.
    pub(super) home_inside: Option<PathBuf>,
}

/// The reason why the data directory cannot be hidden.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The data directory contains the home directory of jobs.
    #[error("it contains {}, the home directory of jobs; move it with --data-dir", .0.display())]
    Home(PathBuf),
    /// Jobs can create files in a directory that contains the data directory.
    #[error(
        "jobs can create files in {}, a directory above it, and Landlock would prevent them from doing so; move the data \
         directory with --data-dir to a directory in which only root can create files, such as /var/lib, or set job_data \
         to \"hidden\"", .0.display()
    )]
    Writable(PathBuf),
    /// A directory that contains the data directory has too many entries.
    #[error("{}, a directory above it, has too many entries; move the data directory with --data-dir", .0.display())]
    Crowded(PathBuf),
    /// The server can neither mount file systems nor use Landlock to hide the data directory.
    #[error("the server cannot mount file systems, and jobs are not restricted with Landlock")]
    NoMeans,
}

/// Chooses how to hide the data directory, or returns the reason why it is not hidden.
pub(super) fn decide(wanted: JobData, situation: &Situation) -> Result<Hiding, Obstacle> {
    if wanted == JobData::Visible {
        return Ok(Hiding::None);
    }
    if let Some(home) = &situation.home_inside {
        return Err(Obstacle::Home(home.clone()));
    }
    if situation.can_mount {
        return Ok(Hiding::Cover);
    }
    // Rules are preferred where nobody notices them. In a user namespace, files of root appear to belong to nobody.
    let restricts_nobody = situation.writable.is_none() && situation.crowded.is_none();
    if situation.user_namespace && !(situation.landlock && restricts_nobody) {
        return Ok(Hiding::CoverInUserNamespace);
    }
    if !situation.landlock {
        return Err(Obstacle::NoMeans);
    }
    match (&situation.writable, &situation.crowded) {
        (_, Some(crowded)) => Err(Obstacle::Crowded(crowded.clone())),
        (Some(writable), None) if wanted == JobData::Auto => Err(Obstacle::Writable(writable.clone())),
        _ => Ok(Hiding::Rules),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_directory_is_hidden_by_default_if_that_does_not_restrict_ordinary_commands() {
        use JobData::{Auto, Hidden, Visible};
        let home = || Some(PathBuf::from("/home/me"));
        let nothing = Situation::default();
        let root = Situation { can_mount: true, landlock: true, writable: home(), ..Situation::default() };
        let user = Situation { landlock: true, ..Situation::default() };
        let in_home = Situation { landlock: true, writable: home(), ..Situation::default() };
        let crowded = Situation { landlock: true, crowded: home(), ..Situation::default() };
        let home_inside = Situation { home_inside: home(), ..root.clone() };
        let path = PathBuf::from("/home/me");
        let with_namespace = |situation: &Situation| Situation { user_namespace: true, ..situation.clone() };
        for (wanted, situation, expected) in [
            (Auto, &with_namespace(&user), Ok(Hiding::Rules)),
            (Auto, &with_namespace(&in_home), Ok(Hiding::CoverInUserNamespace)),
            (Auto, &with_namespace(&crowded), Ok(Hiding::CoverInUserNamespace)),
            (Auto, &with_namespace(&nothing), Ok(Hiding::CoverInUserNamespace)),
            (Auto, &with_namespace(&home_inside), Err(Obstacle::Home(path.clone()))),
            (Hidden, &with_namespace(&in_home), Ok(Hiding::CoverInUserNamespace)),
            (Visible, &with_namespace(&in_home), Ok(Hiding::None)),
            (Auto, &root, Ok(Hiding::Cover)),
            (Auto, &user, Ok(Hiding::Rules)),
            (Auto, &in_home, Err(Obstacle::Writable(path.clone()))),
            (Auto, &crowded, Err(Obstacle::Crowded(path.clone()))),
            (Auto, &home_inside, Err(Obstacle::Home(path.clone()))),
            (Auto, &nothing, Err(Obstacle::NoMeans)),
            (Hidden, &root, Ok(Hiding::Cover)),
            (Hidden, &in_home, Ok(Hiding::Rules)),
            (Hidden, &home_inside, Err(Obstacle::Home(path))),
            (Hidden, &nothing, Err(Obstacle::NoMeans)),
            (Visible, &root, Ok(Hiding::None)),
            (Visible, &home_inside, Ok(Hiding::None)),
        ] {
            assert_eq!(decide(wanted, situation), expected, "{wanted} {situation:?}");
        }
    }

    #[test]
    fn each_choice_has_a_name() {
        for name in JobData::NAMES {
            assert_eq!(name.parse::<JobData>().expect("it is a name").to_string(), name);
        }
        assert!("".parse::<JobData>().is_err());
    }
}
