//! Commitments from outside: the prover over a small edition, the published vectors, and the
//! tables of the protocol page.

#[cfg(test)]
mod page;
#[cfg(test)]
mod prover;
#[cfg(test)]
mod publications;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod world;
