-- The SHA-256 of the admin token with which the server last started. When the token has changed, the sessions and API
-- tokens that were created with the former one end.
create table admin_token (digest blob not null) strict;

-- `insert or replace` would otherwise replace an entry of the audit log without running the triggers for deletions.
create trigger audit_log_is_not_replaced before insert on audit_log
when exists (select 1 from audit_log where id = new.id) begin
    select raise(abort, 'entries of the audit log cannot be changed');
end;
