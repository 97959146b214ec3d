-- Named secrets, encrypted with the server's key. A row with `retired_at` is a value that was replaced or removed: it
-- is still masked, because earlier jobs may contain it, but jobs no longer receive it.
create table secrets (
    id         integer primary key,
    name       text    not null,
    sealed     text    not null,
    created_at integer not null, -- when the name was created
    set_at     integer not null, -- when this value was set
    set_by     text    not null,
    retired_at integer
) strict;
create unique index secrets_current on secrets (name) where retired_at is null;

-- A known text that is encrypted with the server's key, so that a wrong key is noticed when the server starts.
create table seal_check (
    sealed text not null
) strict;

-- The names of the secrets that a job receives, as a JSON list, or null if it receives none.
alter table jobs add column secrets text;
