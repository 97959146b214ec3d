-- Concurrency keys, and claims that do not pass over waiting jobs one by one.

-- The key, masked, for display, and the number of jobs with the key that may run at the same time, this job included.
alter table jobs add column concurrency_key text;
alter table jobs add column concurrency_limit integer;
-- A digest of the key. The jobs of a group are those with the same key.
alter table jobs add column concurrency_group blob;
-- A digest of everything that decides whether a claim may receive the job, except the times. The jobs of a line differ
-- in their order only, so no claim may receive a job of the line if it may not receive the first one.
alter table jobs add column claim_line blob;
-- Whether another job of the line precedes this one. Claims ignore such jobs, so that they pass over a busy key once,
-- and not once for each of its jobs. The triggers below keep this up to date. A job that is waiting for another attempt
-- does not stand in a line, because the others need not wait for it.
alter table jobs add column is_behind integer not null default 0;

create index jobs_running_with_key on jobs (concurrency_group)
    where status = 'running' and concurrency_group is not null;
create index jobs_in_line on jobs (claim_line, priority desc, created_at, id)
    where status = 'queued' and next_attempt_at is null and claim_line is not null;
create index jobs_first_in_line on jobs (claim_line)
    where status = 'queued' and next_attempt_at is null and is_behind = 0 and claim_line is not null;

create trigger jobs_join_line after insert on jobs when new.claim_line is not null begin
    update jobs set is_behind = 1
    where status = 'queued' and next_attempt_at is null and is_behind = 0 and claim_line = new.claim_line
      and id <> (select id from jobs as first
                 where status = 'queued' and next_attempt_at is null and claim_line = new.claim_line
                 order by priority desc, created_at, id limit 1);
end;

create trigger jobs_move_in_line after update of status, priority, next_attempt_at on jobs
when new.claim_line is not null begin
    update jobs set is_behind = 0
    where is_behind = 1
      and id = (select id from jobs as first
                where status = 'queued' and next_attempt_at is null and claim_line = new.claim_line
                order by priority desc, created_at, id limit 1);
    update jobs set is_behind = 1
    where status = 'queued' and next_attempt_at is null and is_behind = 0 and claim_line = new.claim_line
      and id <> (select id from jobs as first
                 where status = 'queued' and next_attempt_at is null and claim_line = new.claim_line
                 order by priority desc, created_at, id limit 1);
end;

-- The order of claiming, of one type and of all types. `jobs_queued` remains for the positions in the queue.
drop index jobs_queued_of_any_type;
create index jobs_claimable on jobs (type, priority desc, created_at, id) where status = 'queued' and is_behind = 0;
create index jobs_claimable_of_any_type on jobs (priority desc, created_at, id)
    where status = 'queued' and is_behind = 0;

-- The jobs that wait for another attempt, in the order in which they can be claimed.
create index jobs_by_next_attempt on jobs (next_attempt_at) where status = 'queued' and next_attempt_at is not null;

-- The worker that last ran a job with an affinity key, and the queued jobs that may be left for such a worker.
create index jobs_by_affinity on jobs (affinity_key, started_at desc)
    where affinity_key is not null and started_at is not null;
create index jobs_queued_with_affinity on jobs (created_at) where status = 'queued' and affinity_key is not null;
