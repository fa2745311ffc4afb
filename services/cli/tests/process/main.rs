//! The built binary as a process, over real sockets: what only a process can show.

mod configuration;
mod harness;
mod killed;
mod streams;
mod suspended;
