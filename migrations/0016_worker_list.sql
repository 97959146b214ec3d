-- The workers, as they described themselves in their latest claim, and the limits of their API tokens.
create table workers (
    id            blob    not null primary key,
    token_id      blob,             -- the API token of a worker on another machine, or null for the embedded worker
    name          text    not null,
    version       text,             -- null if the worker did not send it
    hostname      text,             -- null if the worker did not send it
    types         text    not null, -- the types of the jobs that it runs, as a JSON list; empty if it runs all types
    capabilities  text    not null, -- a JSON list
    concurrency   integer,          -- the number of jobs that it runs at the same time, or null if it is not known
    drained_at    integer,          -- since when it receives no jobs, or null
    drained_by    text,
    first_seen_at integer not null,
    last_seen_at  integer not null
) strict;
create unique index workers_by_name on workers (token_id, name);

-- What a worker can claim with a token, as JSON lists. Null is no limit.
alter table tokens add column allowed_types text;
alter table tokens add column allowed_repositories text;
alter table tokens add column capabilities text;
alter table tokens add column description text;

-- The member `repository` of the payload, masked, by which tokens limit what a worker can claim.
alter table jobs add column repository text;
