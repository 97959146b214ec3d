-- How much of an attempt's output was left out of its events: what was sent of a job is `shipped_bytes` less this.
alter table attempts add column suppressed_bytes integer not null default 0;
