-- Since when a worker on another machine has not been heard of: the time of its last request that renewed the lease or
-- appended events. It is null for the embedded worker.
alter table attempts add column heard_at integer;
-- Whether the event log says that the worker has not been heard of since then.
alter table attempts add column is_silent integer not null default 0;
