-- The time at which the job's output and artifacts were removed because they were kept for a limited time.
alter table jobs add column output_removed_at integer;

-- The jobs whose output can be removed, and the jobs that can be removed themselves, in the order in which they finished.
create index jobs_with_output on jobs (finished_at) where finished_at is not null and output_removed_at is null;
create index jobs_without_output on jobs (finished_at) where output_removed_at is not null;
