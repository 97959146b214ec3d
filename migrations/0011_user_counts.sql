-- The list counts the jobs of one user by status, also those of a period, without reading the jobs themselves.
create index jobs_by_user on jobs (created_by, status, created_at desc, id desc);
