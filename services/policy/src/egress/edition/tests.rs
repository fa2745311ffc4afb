mod answers;
mod content;
mod kept;
mod registry;
mod views;
mod world;
