//! Which machine a program runs on, so that two programs can tell whether they share one: the same kernel, since the same
//! start, with the same files at the same paths.
//!
//! `tailwater run` asks for this before it has a job run in the caller's folder. An address cannot answer it: a forwarded port,
//! a proxy or a container's published port makes a server elsewhere answer on loopback, and a server here may be reached by
//! any name. So both sides describe the machine they run on, and only equal descriptions count. Taken together are
//!
//! - the machine id (machine-id(5)), which distinguishes installations; a system without one is described by the rest;
//! - the boot id (random(4)), which the kernel makes at each start, and which copies of a disk therefore do not share;
//! - device and inode of the root folder, which differ in a container or chroot with files of its own, although the kernel and
//!   both ids are the same there;
//! - the mount namespace (`mount_namespaces(7)`), which differs where the same root has other things mounted below it, as in a
//!   container that shares its host's root, or in a service with a private `/tmp`.
//!
//! Whatever cannot be found out makes the machine unknown, and an unknown machine equals none. Errors are on the safe side: a
//! server that is here but is confined counts as one elsewhere, where a command gets a fresh workspace. The one exception are
//! copies of a virtual machine that was running when it was copied: they stay equal until they are started anew.
//!
//! Only a digest of it all leaves the program, to clients that have authenticated. It is made with a salt of this application's
//! own, as machine-id(5) asks, so that it cannot be compared with what other programs tell of the machine.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use sha2::{Digest, Sha256};

/// Makes the digest one that no other program computes.
const SALT: &[u8] = b"tailwater machine 1, e6f0e1b5-54b6-4c0a-9b53-1f8a5a6c2d17";

/// What distinguishes machines.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    machine_id: Option<String>,
    boot_id: String,
    /// Device and inode.
    root: (u64, u64),
    /// Device and inode.
    mounts: (u64, u64),
}

/// Returns a digest that is the same for all programs on this machine, in hexadecimal; nothing if the machine is unknown.
#[must_use]
pub fn identity() -> Option<String> {
    Facts::of_this_machine().ok().map(|facts| facts.digest())
}

impl Facts {
    fn of_this_machine() -> io::Result<Self> {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned();
        if boot_id.is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let machine_id = fs::read_to_string("/etc/machine-id").ok().map(|id| id.trim().to_owned());
        Ok(Self { machine_id, boot_id, root: inode("/")?, mounts: inode("/proc/self/ns/mnt")? })
    }

    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(SALT);
        let numbers = [self.root.0, self.root.1, self.mounts.0, self.mounts.1].map(|number| number.to_string());
        let machine_id = self.machine_id.as_deref().unwrap_or("none");
        for field in [machine_id, &self.boot_id].into_iter().chain(numbers.iter().map(String::as_str)) {
            // With its length, so that no two descriptions have the same text.
            digest.update(field.len().to_le_bytes());
            digest.update(field);
        }
        hex::encode(digest.finalize())
    }
}

fn inode(path: &str) -> io::Result<(u64, u64)> {
    let about = fs::metadata(path)?;
    Ok((about.dev(), about.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_machine_has_the_same_identity_and_tells_no_id() {
        let here = identity().expect("this machine is known");
        assert_eq!(Some(&here), identity().as_ref());
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("the kernel tells it");
        assert!(here.len() == 64 && !here.contains(boot_id.trim()));
    }

    #[test]
    fn another_boot_root_or_mount_namespace_is_another_machine() {
        let here = Facts { machine_id: Some("m".into()), boot_id: "b".into(), root: (1, 2), mounts: (3, 4) };
        let others = [
            Facts { machine_id: Some("n".into()), ..here.clone() },
            Facts { machine_id: None, ..here.clone() },
            Facts { boot_id: "c".into(), ..here.clone() },
            Facts { root: (1, 20), ..here.clone() },
            Facts { root: (10, 2), ..here.clone() },
            Facts { mounts: (3, 40), ..here.clone() },
            Facts { machine_id: Some("mb".into()), boot_id: String::new(), ..here.clone() },
        ];
        for other in others {
            assert_ne!(other.digest(), here.digest(), "{other:?}");
        }
    }
}
