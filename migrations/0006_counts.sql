-- The list counts the jobs by status, also those of a period, without reading the jobs themselves, and shows the newest
-- jobs of a status without sorting all of them.
create index jobs_by_status on jobs (status, created_at desc, id desc);
