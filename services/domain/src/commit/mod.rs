//! Commitments: the bytes that parties sign and partners verify.
//!
//! Bytes in, bytes out: nothing here signs, verifies, draws randomness or reads a clock. Salts and
//! keys are arguments, and signatures are made elsewhere over [`dsse::pre_authentication`].
//! `docs/protocol.md` is the contract for other implementations; the vectors in
//! `tests/vectors/commitments.json` hold this code to it. Nothing here can change once an edition
//! (*utgåva*) exists; what does change gets a new version number or payload type.

pub mod canonical;
pub mod content;
pub mod descriptor;
pub mod dsse;
pub mod endorsement;
mod error;
pub mod fields;
pub mod hash;
pub mod labels;
pub mod manifest;
pub mod object;
pub mod position;
pub mod proof;
pub mod publication;
pub mod reader;
pub mod registry;
pub mod salt;
pub mod tree;

pub use error::Error;
