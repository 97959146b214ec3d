-- The audit log: who did what, when, and from where. Entries are only added.
create table audit_log (
    id         integer primary key autoincrement,
    created_at integer not null,
    user       text,             -- null if nobody was logged in
    credential text,             -- how the user was authenticated, or null
    address    text    not null, -- the address of the client
    action     text    not null, -- such as job.cancel
    object     text,             -- what the action was applied to, such as the id of a job
    status     integer not null  -- the HTTP status of the response
) strict;

create trigger audit_log_is_not_changed before update on audit_log begin
    select raise(abort, 'entries of the audit log cannot be changed');
end;
create trigger audit_log_is_not_shortened before delete on audit_log begin
    select raise(abort, 'entries of the audit log cannot be removed');
end;
