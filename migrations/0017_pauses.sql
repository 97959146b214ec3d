-- What is paused for maintenance: the queue, a type of jobs, or a worker. The jobs keep their places in the queue.
create table pauses (
    target    text    not null primary key, -- queue, type:NAME or worker:ID
    reason    text,                         -- masked
    paused_at integer not null,
    paused_by text    not null
) strict;
