-- People whom a reverse proxy or an OpenID Connect provider has authenticated.

alter table users add column source text not null default 'local'; -- local, proxy or oidc
alter table users add column issuer text not null default '';      -- the address of the provider, if there is one
alter table users add column subject text;                         -- the id of the person there; null for local users
-- Whether the groups that were sent last give no role. The user is then refused, like a disabled one.
alter table users add column without_role integer not null default 0;
create unique index users_of_subject on users (source, issuer, subject) where subject is not null;

-- The person for whom the reverse proxy vouched when the session began. A session is never used for anybody else.
alter table sessions add column proxy_user text;
