mod answers;
mod content;
mod views;
mod world;
