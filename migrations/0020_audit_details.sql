-- What an action changed beyond its object, such as the new role of a user. Null if there is nothing to add.
alter table audit_log add column details text;
