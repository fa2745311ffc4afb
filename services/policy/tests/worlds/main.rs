//! Small worlds that live through what is drawn: what is not shown makes no difference, what
//! tightens shows no more, and what changes of the registry come to.

#[cfg(test)]
mod non_interference;
#[cfg(test)]
mod registry_change;
#[cfg(test)]
mod tightening;
#[cfg(test)]
mod world;
