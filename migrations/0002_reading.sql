-- What an attempt's log takes on the disk once it is compressed; null until then.
alter table artifacts add column stored_bytes integer;

-- What is left to compress.
create index artifacts_uncompressed on artifacts (size_bytes) where stored_bytes is null and name = 'logs/output.log';
