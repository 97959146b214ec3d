//! `tailwater worker`: jobs that run on other machines are the same as those of the server, also when the server, the
//! worker or the network fails.

mod ends;
mod jobs;
mod outages;
