//! `tailwater worker`: jobs have the same results on other machines as on the server, even if the server, the worker or
//! the network fails.

mod ends;
mod jobs;
mod outages;
