//! Domains with real ledgers, and wires in memory that can be cut.

mod attached;
mod bent_editions;
mod contributions;
mod costs;
mod deliveries;
mod editions;
mod endorsing;
mod exchange;
mod fibre;
mod hostile;
mod impostor;
mod levels;
mod many;
mod pictures;
mod recalled;
mod renewed;
mod seeded;
mod silence;
mod steps;
mod web;
mod world;
