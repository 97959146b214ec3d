-- A job's change gets the number after the largest one, which an index finds. No row is left that every change of
-- every job updates.
drop trigger jobs_inserted;
drop trigger jobs_updated;
drop table changes;

create trigger jobs_inserted after insert on jobs begin
    update jobs set change = (select max(change) from jobs) + 1 where id = new.id;
end;

create trigger jobs_updated
after update of status, priority, attempt, claimed_by, cancel_requested_at, next_attempt_at, finished_at on jobs begin
    update jobs set change = (select max(change) from jobs) + 1 where id = new.id;
end;
