mod answers;
mod content;
mod kept;
mod keys;
mod registry;
mod views;
mod world;
