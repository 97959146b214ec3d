-- The files that came with a job, as JSON: the name of the archive in the data folder, its size and its checksum.
alter table jobs add column input text;
