//! A peer that does not keep to what was agreed: each fault has its own answer, and the link and
//! what came before stay as they were.
