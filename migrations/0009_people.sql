-- Users, their sessions, and API tokens. A session or a token without a user belongs to the admin token.

create table users (
    id         integer primary key autoincrement, -- never reused, because open streams remember it
    name       text    not null,
    name_key   text    not null unique, -- the name in lower case
    role       text    not null,
    password   text    not null, -- the argon2id hash, in the PHC format
    disabled   integer not null default 0,
    created_at integer not null,
    updated_at integer not null
) strict;

alter table sessions rename to sessions_before;
create table sessions (
    id           blob    not null primary key,
    digest       blob    not null unique, -- SHA-256 of the cookie's value
    user_id      integer references users (id) on delete cascade,
    created_at   integer not null,
    last_used_at integer not null,
    expires_at   integer not null,
    address      text    not null, -- where the login came from
    browser      text    not null  -- the header `User-Agent` of the login
) strict;
create index sessions_of_user on sessions (user_id, created_at);
insert into sessions (id, digest, user_id, created_at, last_used_at, expires_at, address, browser)
    select randomblob(16), digest, null, created_at, created_at, expires_at, '', '' from sessions_before;
drop table sessions_before;

create table tokens (
    id           blob    not null primary key,
    digest       blob    not null unique, -- SHA-256 of the token
    user_id      integer references users (id) on delete cascade,
    name         text    not null,
    role         text    not null,
    hint         text    not null, -- the first characters, by which people recognise the token
    created_at   integer not null,
    last_used_at integer,
    expires_at   integer not null
) strict;
create index tokens_of_user on tokens (user_id, created_at);
