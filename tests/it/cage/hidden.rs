//! A step cannot read the data directory or the server's entries in `/proc`, whichever way it tries.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{line, logged, printed};
use crate::harness::gate::Gate;
use crate::harness::process::{Process, is_root};
use crate::harness::{Api, TOKEN, TestServer, of_kind};

/// What a command tries to read or change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// The data directory, by its own path.
    Data,
    /// The names of files in the data directory, which Landlock cannot hide.
    Names,
    /// The server's process. Without restrictions, only root can access it.
    Server,
    /// The processes of another job, or their files.
    Job,
    /// The mounts, which only root can change.
    Mounts,
}

/// Commands that succeed if a step is not restricted. They contain placeholders: `DATA` for the data directory,
/// `SERVER` for the server's process id, `JOB` for the id of a process of another job, and `OTHER` for the directory of
/// that job.
const ATTEMPTS: [(Target, &str); 24] = [
    (Target::Data, "cat DATA/planted"),
    (Target::Data, "head -c 1 DATA/tailwater.sqlite"),
    (Target::Data, "cat DATA/spool/*/*/output.log"),
    (Target::Data, "cat ../../../planted"),
    (Target::Data, "cat /proc/self/cwd/../../../planted"),
    (Target::Data, "ln DATA/planted stolen && cat stolen"),
    (Target::Data, "mv DATA/movable stolen && mv stolen DATA/movable"),
    (Target::Data, "ln -s DATA/planted link && cat link"),
    (Target::Data, "touch DATA/new && rm DATA/new"),
    (Target::Data, "cd DATA && cat planted"),
    (Target::Data, "cat DATA/work/OTHER/workspace/secret"),
    (Target::Data, "cat ../../OTHER/workspace/secret"),
    (Target::Names, "ls DATA | grep planted"),
    (Target::Server, "cat /proc/SERVER/root/DATA/planted"),
    (Target::Server, "ls /proc/SERVER/cwd/"),
    (Target::Server, "grep . /proc/SERVER/environ"),
    (Target::Server, "grep . /proc/SERVER/maps"),
    (Target::Server, ": < /proc/SERVER/mem"),
    (Target::Server, "readlink /proc/SERVER/fd/0"),
    (Target::Server, "readlink /proc/$PPID/fd/0"),
    (Target::Job, "grep . /proc/JOB/environ"),
    (Target::Job, "cat /proc/JOB/cwd/secret"),
    (Target::Mounts, "mkdir m && mount --bind / m && umount m"),
    (Target::Mounts, "nsenter --mount=/proc/SERVER/ns/mnt true"),
];

/// Runs all commands in one job while another job runs. Returns the commands that succeeded.
async fn successes(api: &Api, data: &str, server: u32) -> Vec<&'static str> {
    let gate = Gate::new();
    let run = format!("echo s > secret; echo $$; {}", gate.wait());
    let other = api.submit(json!({"run": run})).await;
    let events = api.events_when(&other, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    let pid = of_kind(&events, "log")[0]["message"].as_str().expect("it is text").trim().to_owned();
    let mut script = "set +e\n".to_owned();
    for (number, (_, command)) in ATTEMPTS.iter().enumerate() {
        let command = command.replace("/DATA", data).replace("DATA", data).replace("SERVER", &server.to_string());
        let command = command.replace("JOB", &pid).replace("OTHER", &format!("{other}-1"));
        writeln!(script, "(exec >/dev/null 2>&1; {command}) && echo {number}").expect("a string can grow");
    }
    let output = printed(api, json!({"run": format!("{script}true")})).await;
    gate.open();
    api.ended(&other).await;
    output.lines().map(|number| ATTEMPTS[number.parse::<usize>().expect("it is a number")].1).collect()
}

/// In the data directory, creates files that every user may read and change.
fn plant(data: &Path) {
    for name in ["planted", "movable"] {
        let path = data.join(name);
        fs::write(&path, "planted").expect("the folder can be written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).expect("the file is ours");
    }
}

/// Returns the commands with the given targets.
fn attempts(targets: &[Target]) -> Vec<&'static str> {
    ATTEMPTS.iter().filter(|(target, _)| targets.contains(target)).map(|(_, command)| *command).collect()
}

fn has_landlock(data: &Path) -> bool {
    !logged(data).contains("does not support Landlock")
}

/// Returns whether this process can mount file systems, as root or in a user namespace. This is not possible if the
/// tests run in a job of Tailwater.
fn may_mount() -> bool {
    let mut mount = Command::new("unshare");
    if !is_root() {
        mount.args(["--user", "--map-root-user"]);
    }
    mount.args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).stderr(Stdio::null());
    mount.status().is_ok_and(|status| status.success())
}

/// Returns whether unprivileged users can mount file systems in a user namespace.
fn users_may_mount() -> bool {
    let mut mount = Command::new(if is_root() { "setpriv" } else { "env" });
    if is_root() {
        mount.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    let mount = mount.args(["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]);
    mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Wraps a command so that it cannot create user namespaces, which the kernel refuses to processes in a chroot.
fn without_user_namespaces(program: Command) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", "mount --rbind / /mnt; exec chroot /mnt \"$0\" \"$@\""]);
    unshare.arg(program.get_program()).args(program.get_args()).current_dir("/");
    unshare
}

/// Wraps a command so that Landlock does not exist for it, as with a kernel that does not support Landlock.
fn without_landlock(program: Command) -> Command {
    const SCRIPT: &str = "\
import ctypes, os, struct, sys
# Load the number of the system call; if it is landlock_create_ruleset (444), fail with ENOSYS; otherwise, allow it.
rules = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x00050026), (0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *rule) for rule in rules))
program = ctypes.create_string_buffer(struct.pack('HxxxxxxP', len(rules), ctypes.addressof(code)))
if ctypes.CDLL(None, use_errno=True).prctl(22, 2, ctypes.byref(program), 0, 0):
    sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
";
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).arg(program.get_program()).args(program.get_args());
    python
}

#[tokio::test]
async fn a_step_cannot_read_the_data_directory_or_the_processes_of_the_server_and_other_jobs() {
    let data = tempfile::tempdir().expect("a temporary folder");
    plant(data.path());
    let server = Process::start_by(data.path(), |mut server| {
        // A server that cannot mount file systems, for example because it does not run as root, hides the data
        // directory with Landlock. If the data directory is in the directory for temporary files, as in this test, the
        // server uses Landlock only with this setting.
        server.env("TAILWATER_JOB_DATA", "hidden");
        server
    });
    let found = successes(&server.api, &data.path().display().to_string(), server.id()).await;
    let mut allowed = Vec::new();
    if !may_mount() {
        allowed.extend(attempts(&[Target::Names]));
    }
    if is_root() && !has_landlock(data.path()) {
        allowed.extend(attempts(&[Target::Job]));
    }
    assert_eq!(found, allowed);
    assert!(data.path().join("movable").exists());
}

#[tokio::test]
async fn a_step_of_root_cannot_read_the_data_directory_or_the_server_even_if_the_kernel_has_no_landlock() {
    if !is_root() || !may_mount() {
        return;
    }
    let data = tempfile::tempdir().expect("a temporary folder");
    plant(data.path());
    let server = Process::start_by(data.path(), without_landlock);
    assert!(!has_landlock(data.path()), "{}", logged(data.path()));
    let found = successes(&server.api, &data.path().display().to_string(), server.id()).await;
    // As SECURITY.md states, jobs of the same user can inspect each other without Landlock, except for their files.
    let mut allowed = attempts(&[Target::Job]);
    allowed.retain(|attempt| found.contains(attempt));
    assert_eq!(found, allowed);
}

#[tokio::test]
async fn a_step_of_an_unprivileged_server_cannot_read_the_data_directory_by_default() {
    if !users_may_mount() {
        return;
    }
    for wrap in [|server| server, without_landlock as fn(Command) -> Command] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("the folder is ours");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("the folder can be written");
        plant(&data);
        let server = Process::start_unprivileged(&data, wrap);
        let found = successes(&server.api, &data.display().to_string(), server.id()).await;
        assert_eq!(found, [""; 0]);
        assert!(!logged(&data).contains("jobs can read"), "{}", logged(&data));
        // Unlike with Landlock rules, the directories that contain the data directory can be used as usual.
        let project = folder.path().display();
        let run = format!("cd {project}; mkdir new; echo made > new/file; mv new other; cat other/file; ls data");
        assert_eq!(line(&server.api, &run).await, "made\nwork");
        let refused = line(&server.api, &format!("touch {project}/data/new 2>&1 || true")).await;
        assert!(refused.contains("Read-only file system"), "{refused}");
        let uncover = format!("umount {project}/data; unshare -Urm umount {project}/data; ls {project}/data");
        assert_eq!(line(&server.api, &format!("(set +e; {uncover}) 2>/dev/null")).await, "work");
        let capabilities = line(&server.api, "grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status").await;
        assert_eq!(capabilities.matches("\t0000000000000000").count(), 5, "{capabilities}");
    }
}

#[tokio::test]
async fn ssh_accepts_the_configuration_of_root_in_a_user_namespace() {
    if !is_root() || !users_may_mount() || !Path::new("/etc/ssh/ssh_config.d").exists() {
        return;
    }
    // Root's files appear to belong to the user `nobody`, so this test needs another user.
    let (user, data) = (1, tempfile::tempdir().expect("a temporary folder"));
    plant(data.path());
    let server = Process::start_by(data.path(), |_| {
        let program = Process::as_user(data.path(), user);
        let mut unshare = Command::new("unshare");
        let script = "mount -t tmpfs -o mode=755 none /etc/ssh; cd /etc/ssh; mkdir ssh_config.d; \
                      echo 'Include /etc/ssh/ssh_config.d/*.conf' > ssh_config; echo 'Port 2222' > ssh_config.d/a.conf; \
                      exec \"$0\" \"$@\"";
        unshare.args(["--mount", "sh", "-ec", script]).arg(program.get_program()).args(program.get_args());
        unshare
    });
    let see = "cd /etc/ssh/ssh_config.d; stat -c %u . a.conf; cat a.conf; (echo x > a.conf) 2>/dev/null || echo refused; \
               if command -v ssh >/dev/null; then ssh -G host 2>/dev/null | grep '^port'; else echo port 2222; fi; id -u";
    // The directory shows that this is a user namespace: it belongs to root, and appears to belong to nobody.
    let expected = format!("65534\n{user}\nPort 2222\nrefused\nport 2222\n{user}");
    assert_eq!(line(&server.api, see).await, expected, "{}", logged(data.path()));
}

#[tokio::test]
async fn a_step_cannot_read_the_data_directory_if_it_is_to_be_hidden_and_there_are_no_user_namespaces() {
    if !is_root() || !may_mount() {
        return;
    }
    let data = tempfile::tempdir().expect("a temporary folder");
    plant(data.path());
    let server = Process::start_unprivileged(data.path(), |server| {
        let mut server = without_user_namespaces(server);
        server.env("TAILWATER_JOB_DATA", "hidden");
        server
    });
    let found = successes(&server.api, &data.path().display().to_string(), server.id()).await;
    // The names of files can be listed, because a Landlock rule against listing would also apply to the directories
    // above the data directory.
    assert_eq!(found, attempts(&[Target::Names]));
    // Everything outside the directories above the data directory works as usual.
    let elsewhere = "mkdir a && echo text > a/b && mv a/b c && ln c d && cat d && rm -r a && ls / >/dev/null";
    assert_eq!(line(&server.api, elsewhere).await, "text");
    let beside = data.path().with_extension("new");
    let created = line(&server.api, &format!("touch {} 2>/dev/null || echo refused", beside.display())).await;
    assert_eq!(created, "refused", "new files in a directory that contains the data directory are refused");
}

#[tokio::test]
async fn without_restrictions_every_attempt_of_these_tests_succeeds() {
    let data = tempfile::tempdir().expect("a temporary folder");
    plant(data.path());
    let server = Process::start_by(data.path(), |mut server| {
        server.env("TAILWATER_JOB_DATA", "visible").env("TAILWATER_JOB_LANDLOCK", "false");
        server
    });
    let found = successes(&server.api, &data.path().display().to_string(), server.id()).await;
    let possible = if is_root() {
        vec![Target::Data, Target::Names, Target::Server, Target::Job, Target::Mounts]
    } else {
        vec![Target::Data, Target::Names, Target::Job]
    };
    let missing: Vec<_> = attempts(&possible).into_iter().filter(|attempt| !found.contains(attempt)).collect();
    assert_eq!(missing, [""; 0]);
}

#[tokio::test]
async fn the_memory_and_the_environment_of_a_server_are_protected_even_without_landlock() {
    let data = tempfile::tempdir().expect("a temporary folder");
    plant(data.path());
    let server = Process::start_unprivileged(data.path(), |mut server| {
        server.env("TAILWATER_JOB_DATA", "visible").env("TAILWATER_JOB_LANDLOCK", "false");
        server
    });
    let found = successes(&server.api, &data.path().display().to_string(), server.id()).await;
    let reached: Vec<_> =
        found.iter().filter(|attempt| attempt.contains("SERVER") || attempt.contains("PPID")).collect();
    assert!(reached.is_empty(), "{reached:?}");
}

#[tokio::test]
async fn without_user_namespaces_a_data_directory_beside_files_of_jobs_stays_visible_and_the_log_says_so() {
    if !is_root() || !may_mount() {
        return;
    }
    let data = tempfile::tempdir().expect("a temporary folder");
    plant(data.path());
    let server = Process::start_unprivileged(data.path(), without_user_namespaces);
    let data_dir = data.path().display();
    assert_eq!(line(&server.api, &format!("ls {data_dir} | grep planted")).await, "planted");
    let log = logged(data.path());
    assert_eq!(log.matches("jobs can read the data directory").count(), 1, "{log}");
    assert!(log.contains("jobs can create files in"), "{log}");
}

#[tokio::test]
async fn a_data_directory_beside_which_only_root_can_create_files_is_hidden_by_default() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_by(folder.path(), |program| {
        // Every user can create files in the directory for temporary files. The data directory is therefore on a file
        // system that is mounted only for this server.
        let script = format!(
            "mount -t tmpfs -o mode=755 none /mnt; mkdir /mnt/data /mnt/bin; cp {} /mnt/bin; echo x > /mnt/data/planted; \
             chown -R nobody /mnt/data; cd /; exec setpriv --reuid=65534 --regid=65534 --clear-groups \
             /mnt/bin/tailwater serve --listen 127.0.0.1:0 --data-dir /mnt/data",
            program.get_program().display()
        );
        let mut unshare = Command::new("unshare");
        unshare.args(["-m", "sh", "-ec", &script]);
        unshare
    });
    let read = "cat /mnt/data/planted 2>/dev/null || head -c 1 /mnt/data/tailwater.sqlite 2>/dev/null || echo hidden";
    let is_hidden = has_landlock(folder.path()) || users_may_mount();
    assert_eq!(line(&server.api, read).await, if is_hidden { "hidden" } else { "x" });
    let usable =
        "file=$(mktemp); echo text > $file; cat $file; rm $file; echo x > y; mkdir z; mv y z; cat z/y; ls /mnt";
    assert_eq!(line(&server.api, usable).await, "text\nx\nbin\ndata");
    assert!(!logged(folder.path()).contains("jobs can read the data directory"), "{}", logged(folder.path()));
}

#[tokio::test]
async fn root_can_use_the_directories_that_contain_the_data_directory_while_it_is_hidden() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("the folder can be written");
    plant(&data);
    let server = Process::start(&data);
    let project = folder.path().display();
    let run = format!("cd {project}; mkdir target; echo made > target/file; cat target/file; mv target other; ls data");
    assert_eq!(line(&server.api, &run).await, "made\nwork");
    assert!(folder.path().join("other/file").exists(), "files of jobs are not hidden from others");
    let refused = line(&server.api, &format!("touch {project}/data/new 2>&1 || true")).await;
    assert!(refused.contains("Read-only file system"), "{refused}");
}

#[tokio::test]
async fn the_data_directory_is_also_hidden_where_another_mount_leads_to_it() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (data, alias) = (folder.path().join("data"), folder.path().join("alias"));
    for path in [&data, &alias] {
        fs::create_dir(path).expect("the folder can be written");
    }
    plant(&data);
    let server = Process::start_by(&data, |program| {
        let mut unshare = Command::new("unshare");
        let script = format!("mount --bind {} {}; exec \"$0\" \"$@\"", data.display(), alias.display());
        unshare.args(["-m", "sh", "-c", &script]).arg(program.get_program());
        unshare
    });
    let read = format!("cat {}/planted 2>/dev/null || echo hidden", alias.display());
    assert_eq!(line(&server.api, &read).await, "hidden");
}

#[tokio::test]
async fn a_server_that_cannot_hide_its_data_as_demanded_does_not_start() {
    for (variable, value, reason) in [
        ("TAILWATER_JOB_LANDLOCK", "false", "jobs are not restricted with Landlock"),
        ("TAILWATER_JOB_NO_NEW_PRIVILEGES", "false", "jobs are not restricted with Landlock"),
    ] {
        let data = tempfile::tempdir().expect("a temporary folder");
        let by = |mut server: Command| {
            server.env("TAILWATER_JOB_DATA", "hidden").env(variable, value);
            server
        };
        let path = data.path();
        let started =
            Process::start_to_die(path, |program| by(if is_root() { Process::as_nobody(path) } else { program }));
        assert_eq!(started.err().and_then(|status| status.code()), Some(1));
        let log = logged(data.path());
        assert!(log.contains("job_data is \\\"hidden\\\"") || log.contains("job_data is \"hidden\""), "{log}");
        assert!(log.contains(reason), "{log}");
    }
}

#[tokio::test]
async fn a_step_sees_no_secret_of_the_server_in_its_environment_or_in_other_processes() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_by(data.path(), |mut server| {
        server.env("TAILWATER_SECRETS_KEY", "5".repeat(64)).env("REGISTRY_TOKEN", "hunter2-registry");
        server
    });
    // If the job printed a secret, its output would contain the mask.
    let command = "env; for file in /proc/self/environ /proc/$PPID/environ /proc/$PPID/cmdline /proc/SERVER/environ \
                   /proc/SERVER/cmdline /proc/SERVER/task/*/environ; do (tr '\\0' '\\n' < $file) 2>&1 || true; done; \
                   ls -l /proc/self/fd";
    let output = line(&server.api, &command.replace("SERVER", &server.id().to_string())).await;
    for secret in [TOKEN, "REGISTRY_TOKEN", "TAILWATER_SECRETS_KEY", "[REDACTED]"] {
        assert!(!output.contains(secret), "{secret}: {output}");
    }
}

#[tokio::test]
async fn ordinary_tools_work_with_the_default_restrictions() {
    let server = TestServer::start().await;
    assert_eq!(line(&server.api, ORDINARY).await.replace("to stderr\n", ""), "x\n[1]\nx\n0 CHILD=inherited");
}

#[tokio::test]
async fn ordinary_tools_work_in_a_user_namespace_too() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_unprivileged(data.path(), |server| server);
    assert_eq!(line(&server.api, ORDINARY).await.replace("to stderr\n", ""), "x\n[1]\nx\n0 CHILD=inherited");
    assert_eq!(!logged(data.path()).contains("jobs can read"), users_may_mount(), "{}", logged(data.path()));
}

/// Commands that restrictions could break. The last ones trace a child, and read its environment.
const ORDINARY: &str = r#"
git init -q project; cd project; git config user.email a@b; git config user.name n; echo x > f; git add f
git commit -qm first; git clone -q . ../copy; cat ../copy/f
echo to stderr > /dev/stderr; echo $(ls /proc/self/fd | wc -l) > /dev/null
python3 -c 'import multiprocessing as m; print(m.Pool(2).map(abs, [-1]))'
mktemp >/dev/null; sh -c 'sleep 600 & kill $!; wait'; tar cf a.tar f; tar xf a.tar -C ..; cat ../f
python3 -c '
import ctypes, subprocess
child = subprocess.Popen(["sleep", "600"], env={"CHILD": "inherited"})
print(ctypes.CDLL(None).ptrace(16, child.pid, 0, 0), open("/proc/%d/environ" % child.pid).read().strip("\0"))
child.kill()'
"#;
