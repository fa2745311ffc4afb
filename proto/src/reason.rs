//! The table of error reasons, generated from `errors.toml`.

include!(concat!(env!("OUT_DIR"), "/reasons.rs"));
