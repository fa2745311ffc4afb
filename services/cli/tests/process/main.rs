//! The built binary as a process, over real sockets: what only a process can show.

#[cfg(test)]
mod aside;
mod attached;
#[cfg(test)]
mod backed_up;
#[cfg(test)]
mod changed;
#[cfg(test)]
mod compared;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod contributed;
#[cfg(test)]
mod damaged;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod endorsed;
#[cfg(test)]
mod exported;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod history;
#[cfg(test)]
mod imported;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod leaks;
#[cfg(target_os = "linux")]
#[cfg(test)]
mod levels;
#[cfg(test)]
mod linked;
#[cfg(test)]
mod linked_led;
#[cfg(test)]
mod logged;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod orphaned;
#[cfg(target_os = "linux")]
#[cfg(test)]
mod partitioned;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod recalled;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod reloaded;
#[cfg(test)]
mod revoked;
#[cfg(test)]
mod rfc7946;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod several;
#[cfg(test)]
mod shared_authority;
#[cfg(test)]
mod shares;
#[cfg(test)]
mod signed;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod stolen;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod suspended;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod uploaded;
#[cfg(test)]
mod writing;
