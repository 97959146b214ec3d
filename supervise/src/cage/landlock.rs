//! Uses Landlock to restrict a thread and the processes that it starts.
//!
//! Each step has its own Landlock domain, which consists of the processes that are subject to the same restrictions.
//! Processes in a domain cannot inspect processes outside it: they can neither trace them nor read their entries in
//! `/proc`, such as `environ`, `mem`, `fd`, `root` and `cwd`. If the domain restricts access to files, its processes
//! cannot mount or unmount file systems either, so a step cannot remove the cover of the data directory.
//!
//! To restrict access to files, Landlock needs a rule for each directory and file that may be accessed. A rule for a
//! directory applies to everything below it. Therefore, the directories that contain the data directory have no rules,
//! but each of their other entries has one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr,
    RulesetStatus, make_bitflags,
};
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

/// The accesses to files and directories that steps need a rule for. Listing a directory needs no rule, so steps can
/// list every directory, even those in the data directory.
const ACCESSES: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    Execute | WriteFile | ReadFile | Truncate | RemoveDir | RemoveFile | MakeChar | MakeDir | MakeReg | MakeSock
    | MakeFifo | MakeBlock | MakeSym | Refer
});

/// The accesses among [`ACCESSES`] that apply to files. A rule for a file must not allow other accesses.
const OF_FILES: BitFlags<AccessFs> = make_bitflags!(AccessFs::{Execute | WriteFile | ReadFile | Truncate});

/// Returns whether the kernel supports Landlock. The first version of Landlock, in Linux 5.13 to 5.18, is treated as
/// unsupported, because it prevents files from being moved to another directory.
pub fn is_available() -> bool {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::Refer);
    ruleset.and_then(Ruleset::create).is_ok()
}

/// Restricts the calling thread. If `hidden` is not empty, the thread can no longer access these paths, except for
/// `own`, which is relative to the first of them.
pub fn restrict(hidden: &[PathBuf], own: &Path) -> io::Result<()> {
    let ruleset = match hidden.first() {
        // A domain must restrict at least one access, so `Refer` is restricted, and then allowed everywhere.
        None => allow(create(AccessFs::Refer.into())?, Path::new("/"), AccessFs::Refer.into())?,
        Some(data) => {
            let rules = allow_siblings(create(ACCESSES)?, Path::new("/"), hidden)?;
            allow(rules, &data.join(own), ACCESSES)?
        }
    };
    // By default, the `landlock` crate also sets `no_new_privs`, but the operator has a separate setting for this.
    let status = ruleset.no_new_privs(false).restrict_self().map_err(io::Error::other)?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err(Errno::NOSYS.into());
    }
    Ok(())
}

fn create(accesses: BitFlags<AccessFs>) -> io::Result<RulesetCreated> {
    let ruleset = Ruleset::default().handle_access(accesses).and_then(Ruleset::create);
    ruleset.map_err(io::Error::other)
}

/// Allows access to the entries of `folder`, except to the hidden paths.
fn allow_siblings(mut rules: RulesetCreated, folder: &Path, hidden: &[PathBuf]) -> io::Result<RulesetCreated> {
    for entry in fs::read_dir(folder)? {
        let path = folder.join(entry?.file_name());
        if hidden.contains(&path) {
            continue;
        }
        rules = if hidden.iter().any(|hidden| hidden.starts_with(&path)) {
            allow_siblings(rules, &path, hidden)?
        } else {
            allow(rules, &path, ACCESSES)?
        };
    }
    Ok(rules)
}

/// Allows access to a path and to everything below it. Symbolic links are ignored, because their targets have their own
/// rules. Paths that no longer exist are ignored too.
fn allow(rules: RulesetCreated, path: &Path, accesses: BitFlags<AccessFs>) -> io::Result<RulesetCreated> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(opened) = openat(CWD, path, flags, Mode::empty()) else { return Ok(rules) };
    let accesses = match FileType::from_raw_mode(fstat(&opened)?.st_mode) {
        FileType::Symlink => return Ok(rules),
        FileType::Directory => accesses,
        _ => accesses & OF_FILES,
    };
    rules.add_rule(PathBeneath::new(opened, accesses)).map_err(io::Error::other)
}
