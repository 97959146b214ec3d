-- Positions in the queue are counted without reading the jobs: this index contains all columns of the query, including
-- the status, which SQLite would otherwise read from each job.
create index jobs_in_queue on jobs (type, priority desc, created_at, id, status) where status = 'queued';
drop index jobs_queued;
