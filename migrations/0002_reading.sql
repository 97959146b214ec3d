-- What an attempt's log takes on the disk once it is compressed; null until then.
alter table artifacts add column stored_bytes integer;

-- What is left to compress.
create index artifacts_uncompressed on artifacts (size_bytes) where stored_bytes is null and name = 'logs/output.log';

-- Changes of jobs' states are numbered in the order of their commits, all jobs together: there is one writer. Readers of
-- lists go on from a number. Appends and renewed leases change no state.
create table changes (last integer not null);
insert into changes (last) select count(*) from jobs;
alter table jobs add column change integer not null default 0;
update jobs set change = (select count(*) from jobs older where older.rowid <= jobs.rowid);
create index jobs_by_change on jobs (change);

create trigger jobs_inserted after insert on jobs begin
    update changes set last = last + 1;
    update jobs set change = (select last from changes) where id = new.id;
end;

create trigger jobs_updated
after update of status, priority, attempt, claimed_by, cancel_requested_at, next_attempt_at, finished_at on jobs begin
    update changes set last = last + 1;
    update jobs set change = (select last from changes) where id = new.id;
end;
