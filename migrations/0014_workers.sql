-- Workers on other machines.

-- The capabilities that a worker needs to run a job, as a JSON list, or null if it needs none.
alter table jobs add column required_capabilities text;

-- The order of claiming for workers that run jobs of several types.
create index jobs_queued_of_any_type on jobs (priority desc, created_at, id) where status = 'queued';

-- The API token with which the attempt's job was claimed. It is null if the embedded worker has claimed it.
alter table attempts add column token_id blob;
-- The identifier that the worker chose for the claim, if any.
alter table attempts add column claim_id text;
create unique index attempts_by_claim on attempts (token_id, claim_id) where claim_id is not null;
-- The duration of the lease in seconds, as it was claimed.
alter table attempts add column lease_seconds integer;
-- The number of events in the last batch, of which `batch_to` is the last one.
alter table attempts add column batch_events integer not null default 0;

-- The largest number of a change to a job that has been removed. Later changes have larger numbers, so that readers of
-- lists do not miss any.
create table removed_changes (largest integer not null) strict;
insert into removed_changes (largest) values (0);

drop trigger jobs_inserted;
drop trigger jobs_updated;

create trigger jobs_inserted after insert on jobs begin
    update jobs set change = (select max((select max(change) from jobs), (select largest from removed_changes))) + 1
    where id = new.id;
end;

create trigger jobs_updated
after update of status, priority, attempt, claimed_by, cancel_requested_at, next_attempt_at, finished_at on jobs begin
    update jobs set change = (select max((select max(change) from jobs), (select largest from removed_changes))) + 1
    where id = new.id;
end;
