-- The copies of a job, from which an action on several jobs finds out which of them have been resubmitted already.
create index jobs_resubmitted on jobs (resubmitted_from) where resubmitted_from is not null;
