//! Recognises secrets that nobody registered, by their shape.

mod table;
