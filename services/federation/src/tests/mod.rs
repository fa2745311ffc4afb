//! Domains with real ledgers, and wires in memory that can be cut.

mod exchange;
mod hostile;
mod seeded;
mod world;
