mod answers;
mod content;
mod registry;
mod views;
mod world;
