//! Identifies the machine that a program runs on, so that two programs can determine whether they run on the same
//! machine. Here, the same machine means the same boot of the same kernel, with the same files at the same paths.
//!
//! `tailwater run` compares the identities of two machines, the server's and its own, before it lets a job run in the
//! caller's directory. A network address is not sufficient: through a forwarded port, a proxy or a container's
//! published port, a remote server can respond at a loopback address, and a local server may have any host name. An
//! identity is derived from:
//!
//! - the machine id (machine-id(5)), which differs between installations. A system without a machine id is identified
//!   by the other values;
//! - the boot id (random(4)), which the kernel generates at each boot, so that it differs between copies of a disk;
//! - the device and inode of the root directory, which differ in a container or chroot with its own files, even though
//!   the kernel and both ids are the same;
//! - the mount namespace (`mount_namespaces(7)`), which differs if other file systems are mounted below the same root,
//!   as in a container that shares its host's root, or in a service with a private `/tmp`.
//!
//! If one of the last three values is not available, the machine is unknown, and an unknown machine is not equal to any
//! other. If the caller or the server is on an unknown machine, the server counts as remote, and `tailwater run` runs
//! the command in a new workspace. The only exception is a virtual machine that was copied while it was running: the
//! copy has the same identity as the original until one of them is rebooted.
//!
//! Only a digest of these values is sent to clients, and only to authenticated ones. As machine-id(5) requires, the
//! digest is computed with an application-specific salt, so that it cannot be linked to identifiers from other
//! programs.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The application-specific salt of the digest.
const SALT: &[u8] = b"tailwater machine 1, e6f0e1b5-54b6-4c0a-9b53-1f8a5a6c2d17";

/// The response of `GET /machine`.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MachineReply {
    /// The result of [`identity`] on the server's machine, or null if that machine is unknown, or if the server runs no
    /// jobs itself.
    pub machine: Option<String>,
    /// The capability that a job must require if it needs the files of the server's machine, or null if there is none.
    #[serde(default)]
    pub capability: Option<String>,
}

/// The values that distinguish machines.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    machine_id: Option<String>,
    boot_id: String,
    /// The device and inode of the root directory.
    root: (u64, u64),
    /// The device and inode of the mount namespace.
    mounts: (u64, u64),
}

/// Returns the capability of workers on this machine, or `None` if the machine is unknown. A job that needs files of
/// this machine requires this capability.
#[must_use]
pub fn capability() -> Option<String> {
    // The beginning of the digest is enough to distinguish machines, and is easier to read than the whole digest.
    identity().map(|identity| format!("machine:{}", &identity[..identity.len().min(12)]))
}

/// Returns the name of this machine, or `None` if it has none.
#[must_use]
pub fn name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    (!name.is_empty()).then_some(name)
}

/// Returns a digest in hexadecimal that is the same for all programs on this machine, or `None` if the machine is
/// unknown.
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
            // Each value's length is included, so that different values cannot produce the same input of the digest.
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
    fn the_identity_is_stable_and_does_not_reveal_any_id() {
        let here = identity().expect("this machine is known");
        assert_eq!(Some(&here), identity().as_ref());
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("the kernel provides it");
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
