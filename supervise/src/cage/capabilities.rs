//! Takes capabilities from a thread and from the processes that it starts.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, remove_capability_from_bounding_set,
    set_capabilities,
};

/// The capabilities with which a process can inspect processes that have more capabilities or that are not dumpable,
/// although a Landlock domain forbids it (since Linux 6.13, `PERFMON` or `SYS_ADMIN` permits reading the environment
/// and the memory map of every process), and can mount or unmount file systems.
const OF_INSPECTION: CapabilitySet = CapabilitySet::SYS_PTRACE
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::CHECKPOINT_RESTORE);

/// Takes the capabilities to inspect other processes and to mount file systems. The step keeps the other capabilities
/// of root, and can still inspect its own processes, because they have the same capabilities.
pub(super) fn take_those_of_inspection() -> io::Result<()> {
    take(OF_INSPECTION)
}

/// Takes all capabilities.
pub(super) fn take_all() -> io::Result<()> {
    take(CapabilitySet::all())
}

/// Takes capabilities for good: no program that the thread executes receives them again.
fn take(taken: CapabilitySet) -> io::Result<()> {
    let CapabilitySets { effective, permitted, inheritable } = capabilities(None)?;
    // Without this capability, the thread cannot change its bounding set. It then usually has none of the others
    // either.
    if effective.contains(CapabilitySet::SETPCAP) {
        for (_, capability) in taken.iter_names() {
            // Older kernels do not know all capabilities.
            if capability_is_in_bounding_set(capability).unwrap_or(false) {
                remove_capability_from_bounding_set(capability)?;
            }
        }
    }
    let [effective, permitted, inheritable] = [effective, permitted, inheritable].map(|set| set.difference(taken));
    Ok(set_capabilities(None, CapabilitySets { effective, permitted, inheritable })?)
}
