//! Domains with real ledgers, and wires in memory that can be cut.

mod bent_editions;
mod contributions;
mod deliveries;
mod editions;
mod endorsing;
mod exchange;
mod hostile;
mod impostor;
mod pictures;
mod recalled;
mod renewed;
mod seeded;
mod steps;
mod world;
