//! Links between sovereign domains: sessions that carry numbered envelopes, whoever opened them,
//! and come back by themselves.
//!
//! What counts is in the ledger of either side: an envelope is numbered by one entry and taken in
//! by one entry. A session only carries; it may break at any byte, run twice, or be run by the
//! wrong node for a moment, and changes nothing by it.

mod backoff;
mod board;
mod closing;
mod hello;
mod links;
mod parts;
mod quota;
mod session;
#[cfg(test)]
mod tests;

pub use board::{Connection, Standing};
pub use closing::Closing;
pub use links::{Dial, DialError, FILE_BYTES_A_DAY, Holds, Links, Wire, WireError};
pub use session::FRAMES_READY;
