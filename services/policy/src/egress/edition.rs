//! Editions, as far as a reader may see them.
