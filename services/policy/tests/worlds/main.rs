//! Small worlds that live through what is drawn: what is not shown makes no difference, what
//! tightens shows no more, what changes of the registry come to, and who is told as having had it.

#[cfg(test)]
mod holders;
#[cfg(test)]
mod non_interference;
#[cfg(test)]
mod registry_change;
#[cfg(test)]
mod tightening;
#[cfg(test)]
mod world;
