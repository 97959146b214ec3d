-- Finds the earlier successful jobs with a job's title, with which its times are compared.
create index jobs_succeeded on jobs (title, created_at desc, id desc) where status = 'succeeded';
