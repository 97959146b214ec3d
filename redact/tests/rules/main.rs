//! Tests the search for secrets that nobody registered.

#[path = "../random/dice.rs"]
mod dice;

mod blocks;
mod colours;
mod credentials;
mod cuts;
mod innocent;
mod limits;
mod pauses;
mod pieces;
mod random;
mod settings;
mod stream;
mod syntaxes;
