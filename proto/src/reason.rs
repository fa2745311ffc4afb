//! The table of error reasons, generated from `errors.toml`, and the pages made from it.

mod page;

include!(concat!(env!("OUT_DIR"), "/reasons.rs"));
