-- One-time links with which users log in without a password. A user has at most one.
create table login_links (
    user_id    integer not null primary key references users (id) on delete cascade,
    digest     blob    not null unique, -- SHA-256 of the link's ticket
    created_at integer not null,
    expires_at integer not null
) strict;
