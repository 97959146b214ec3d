use model::{JobId, JobStatus, Seq, Timestamp};
use serde_json::json;

use super::*;
use crate::job_form::kept_of_job;

pub fn job(payload: Value) -> Job {
    let at = Timestamp(0);
    Job {
        id: JobId(uuid::Uuid::nil()),
        kind: "command".into(),
        status: JobStatus::Failed,
        priority: 0,
        payload: Some(payload.into()),
        title: "T".into(),
        created_by_user_id: None,
        requested_by_user_id: None,
        cancel_requested_by_user_id: None,
        cancel_requested_at: None,
        cancel_reason: None,
        affinity_key: None,
        claimed_by: None,
        lease_expires_at: None,
        next_attempt_at: None,
        attempt: 1,
        max_attempts: 1,
        result_summary: None,
        error_message: None,
        artifacts_path: None,
        started_at: None,
        finished_at: None,
        created_at: at,
        updated_at: at,
        lease_epoch: 0,
        last_seq: Seq::START,
        exit_code: None,
        failure_reason: None,
        log_lines: None,
        log_bytes: None,
        log_sha256: None,
        output_removed_at: None,
        resubmitted_from: None,
        input: None,
        queue_position: None,
        pause: None,
        concurrency_wait: None,
    }
}

/// Edits the form of a job with this payload, and returns the changes to the payload.
#[track_caller]
fn changed(payload: Value, edit: impl FnOnce(&mut JobForm)) -> Value {
    let original = Original::of(&job(payload)).expect("it is a command");
    let mut form = original.form().clone();
    edit(&mut form);
    let changes = original.changes(&form).expect("it can be sent");
    assert_eq!((changes.priority, changes.max_attempts), (None, None));
    changes.payload.map(|payload| payload.to_value()).unwrap_or_default()
}

fn full() -> Value {
    json!({
        "title": " Nightly", "env": {"API_TOKEN": "[REDACTED]", "KEY": "a\r\nb", "URL": "https://[REDACTED]@host"},
        "workingDirectory": "/srv", "timeoutSeconds": 60, "prepare": [{"run": "p"}], "artifacts": ["dist/**"],
        "steps": [
            {"id": "one", "name": "One", "run": "a\r\nb", "shell": "bash", "timeoutSeconds": 5},
            {"run": "c", "shell": "bash", "env": {"DB_PASSWORD": "[REDACTED]"}, "continueOnError": true},
        ],
    })
}

#[test]
fn unedited_values_are_not_sent() {
    for payload in [
        full(),
        json!({"run": "\n make \r\n"}),
        json!({"steps": [{"run": "a", "shell": "sh"}]}),
        json!({"run": "a", "terminal": true}),
        json!({"steps": [{"run": "a", "terminal": true}], "terminal": false}),
    ] {
        let same = changed(payload.clone(), |_| {});
        assert_eq!(same, Value::Null, "{payload}");
    }
    // Form fields normalise line breaks, and single-line fields also lose surrounding spaces.
    let as_posted = changed(full(), |form| {
        form.title = "Nightly".into();
        form.steps[0].run = "a\nb".into();
        form.env[1].value = "a\nb".into();
    });
    assert_eq!(as_posted, Value::Null);
}

#[test]
fn each_edit_changes_only_its_own_field() {
    assert_eq!(changed(full(), |form| form.title = "Daily".into()), json!({"title": "Daily"}));
    assert_eq!(changed(full(), |form| form.title = String::new()), json!({"title": null}));
    assert_eq!(changed(full(), |form| form.working_directory = "b".into()), json!({"workingDirectory": "b"}));
    assert_eq!(changed(full(), |form| form.working_directory = " ".into()), json!({"workingDirectory": null}));
    assert_eq!(changed(full(), |form| form.timeout = "7".into()), json!({"timeoutSeconds": 7}));
    assert_eq!(changed(full(), |form| form.timeout = String::new()), json!({"timeoutSeconds": null}));
    assert_eq!(changed(json!({"run": "a"}), |form| form.steps[0].run = "b".into()), json!({"run": "b"}));
    assert_eq!(changed(json!({"run": "a"}), |form| form.terminal = true), json!({"terminal": true}));
    let in_terminal = json!({"run": "a", "terminal": true});
    assert_eq!(changed(in_terminal, |form| form.terminal = false), json!({"terminal": null}));
    let original = Original::of(&job(full())).expect("it is a command");
    let form = JobForm { priority: "3".into(), max_attempts: "2".into(), ..original.form().clone() };
    let expected = JobChanges { priority: Some(3), max_attempts: Some(2), payload: None };
    assert_eq!(original.changes(&form).expect("it can be sent"), expected);
}

#[test]
fn an_unedited_secret_is_sent_as_its_mask() {
    let edited = changed(full(), |form| form.env[1].value = "c".into());
    let shown = json!({"API_TOKEN": "[REDACTED]", "KEY": "c", "URL": "https://[REDACTED]@host"});
    assert_eq!(edited, json!({"env": shown}));
    let replaced = changed(full(), |form| {
        form.env[0] = FormVariable { name: "API_TOKEN".into(), value: "new".into(), kept: None };
        form.env.truncate(1);
    });
    assert_eq!(replaced, json!({"env": {"API_TOKEN": "new"}}));
    assert_eq!(changed(full(), |form| form.env.clear()), json!({"env": null}));
}

#[test]
fn a_secret_value_is_not_copied_to_another_name() {
    let original = Original::of(&job(full())).expect("it is a command");
    let edited = |edit: fn(&mut JobForm)| {
        let mut form = original.form().clone();
        edit(&mut form);
        original.changes(&form)
    };
    let renamed = |name: &str| Err(format!("payload.env.{name}"));
    let field = |changes: Result<JobChanges, Misread>| changes.map_err(|misread| misread.field);
    assert_eq!(field(edited(|form| form.env[0].name = "OTHER_TOKEN".into())), renamed("OTHER_TOKEN"));
    assert_eq!(field(edited(|form| form.env[0].name = "KEY".into())), renamed("KEY"));
    // A variable without a name is ignored, as if it had been removed.
    assert!(edited(|form| form.env[0].name = " ".into()).is_ok());
    let two = json!({"run": "a", "env": {"A_TOKEN": "[REDACTED]", "B_TOKEN": "[REDACTED]"}});
    let original = Original::of(&job(two)).expect("it is a command");
    let mut form = original.form().clone();
    form.env.pop();
    form.env[0].name = "B_TOKEN".into();
    assert_eq!(field(original.changes(&form)), renamed("B_TOKEN"));
}

#[test]
fn an_edited_step_retains_the_fields_that_the_form_does_not_show() {
    let edited = changed(full(), |form| {
        form.steps[0].name = String::new();
        form.steps[1].run = "d".into();
        form.steps.push(FormStep { run: "e".into(), ..FormStep::default() });
    });
    let steps = json!([
        {"id": "one", "run": "a\r\nb", "shell": "bash", "timeoutSeconds": 5},
        {"run": "d", "shell": "bash", "env": {"DB_PASSWORD": "[REDACTED]"}, "continueOnError": true},
        {"run": "e", "shell": "bash"},
    ]);
    assert_eq!(edited, json!({"steps": steps}));
    let removed = changed(full(), |form| drop(form.steps.remove(0)));
    assert_eq!(removed, json!({"steps": [full()["steps"][1]]}));
}

#[test]
fn one_command_becomes_steps_only_if_necessary() {
    let run = || json!({"run": "a"});
    assert_eq!(
        changed(run(), |form| form.shell = "bash".into()),
        json!({"run": null, "steps": [{"run": "a", "shell": "bash"}]})
    );
    let added = changed(run(), |form| form.steps.push(FormStep { run: "b".into(), ..FormStep::default() }));
    assert_eq!(added, json!({"run": null, "steps": [{"run": "a"}, {"run": "b"}]}));
}

#[test]
fn different_shells_of_steps_are_retained_until_one_is_chosen_for_all() {
    let mixed = || json!({"steps": [{"run": "a", "shell": "bash"}, {"run": "b"}, {"run": "c", "shell": "python3"}]});
    let form = Original::of(&job(mixed())).expect("it is a command").form;
    assert_eq!(form.shell, EACH_ITS_OWN);
    let edited = changed(mixed(), |form| {
        form.steps[1].run = "x".into();
        form.steps.push(FormStep { run: "d".into(), ..FormStep::default() });
    });
    let steps = json!([{"run": "a", "shell": "bash"}, {"run": "x"}, {"run": "c", "shell": "python3"}, {"run": "d"}]);
    assert_eq!(edited, json!({"steps": steps}));
    let chosen = changed(mixed(), |form| form.shell = "zsh".into());
    assert_eq!(chosen["steps"][1], json!({"run": "b", "shell": "zsh"}));
    let default = changed(mixed(), |form| form.shell = String::new());
    assert_eq!(default, json!({"steps": [{"run": "a"}, {"run": "b"}, {"run": "c"}]}));
}

#[test]
fn a_job_of_another_type_has_no_form() {
    let other = Job { kind: "elsewhere".into(), ..job(json!({"run": "a"})) };
    assert!(Original::of(&other).is_none());
}

#[test]
fn the_concurrency_key_is_described_and_kept() {
    let payload = json!({"run": "a", "concurrencyKey": "deploy", "concurrencyLimit": 2});
    assert_eq!(kept_of_job(&job(payload.clone())), ["Concurrency key: deploy (2 jobs at a time)"]);
    assert_eq!(changed(payload, |form| form.title = "T".into()), json!({"title": "T"}));
    let alone = json!({"run": "a", "concurrencyKey": "deploy"});
    assert_eq!(kept_of_job(&job(alone)), ["Concurrency key: deploy (1 job at a time)"]);
}
