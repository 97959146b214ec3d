-- The main path: jobs, their attempts, events and artifacts, and browser sessions.
-- Times are microseconds since 1970 in UTC; ids are the 16 bytes of a UUID.

create table jobs (
    id                       blob    not null primary key,
    type                     text    not null,
    status                   text    not null,
    priority                 integer not null,
    payload                  text    not null, -- as submitted, real values included; never sent as it is
    title                    text    not null, -- masked
    commands                 text    not null, -- masked; what the list's search looks through beside the title
    created_by               text,
    requested_by             text,
    cancel_requested_by      text,
    cancel_requested_at      integer,
    cancel_reason            text,
    affinity_key             text,
    claimed_by               text,
    lease_expires_at         integer,
    lease_epoch              integer not null default 0,
    next_attempt_at          integer,
    attempt                  integer not null default 0,
    max_attempts             integer not null,
    result_summary           text,
    error_message            text,
    started_at               integer,
    finished_at              integer,
    created_at               integer not null,
    updated_at               integer not null,
    exit_code                integer,
    failure_reason           text,
    log_lines                integer,
    log_bytes                integer,
    log_sha256               text,
    resubmitted_from         blob,
    idempotency_key          text unique,
    idempotency_digest       blob, -- of the submission that came with the key
    last_seq                 integer not null default 0,
    last_event_at            integer not null default 0
);

-- The order of claiming.
create index jobs_queued on jobs (type, priority desc, created_at, id) where status = 'queued';
create index jobs_running on jobs (lease_expires_at) where status = 'running';
create index jobs_newest on jobs (created_at desc, id desc);

create table attempts (
    job_id         blob    not null references jobs (id) on delete cascade,
    attempt        integer not null,
    worker_id      text    not null,
    lease_epoch    integer not null,
    status         text    not null,
    started_at     integer not null,
    finished_at    integer,
    shipped_bytes  integer not null default 0, -- the end of what is stored as events, in output.log
    last_batch     integer not null default 0, -- the number of the last batch within the lease
    batch_to       integer not null default 0, -- the last event that batch became
    primary key (job_id, attempt)
);

create table events (
    job_id      blob    not null references jobs (id) on delete cascade,
    seq         integer not null,
    id          blob    not null,
    level       text    not null,
    kind        text    not null,
    message     blob    not null, -- bytes: output is not always text, and NUL is legal
    payload     text    not null,
    created_at  integer not null,
    primary key (job_id, seq)
);

-- Output is nearly everything and is read in order; the rest is looked up by its kind.
create index events_by_kind on events (job_id, kind, seq) where kind <> 'log';

create table artifacts (
    id            blob    not null primary key,
    job_id        blob    not null references jobs (id) on delete cascade,
    attempt       integer not null,
    name          text    not null,
    content_type  text    not null,
    size_bytes    integer not null,
    digest        text    not null,
    path          text    not null, -- below the data folder
    stage         text,
    created_at    integer not null,
    unique (job_id, attempt, name)
);

create table sessions (
    digest      blob    not null primary key, -- SHA-256 of the cookie's value
    created_at  integer not null,
    expires_at  integer not null
);
