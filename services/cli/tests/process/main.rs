//! The built binary as a process, over real sockets: what only a process can show.

#[cfg(test)]
mod configuration;
#[cfg(test)]
mod damaged;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod history;
#[cfg(test)]
mod imported;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod reloaded;
#[cfg(test)]
mod revoked;
#[cfg(test)]
mod shared_authority;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod suspended;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod transport;
