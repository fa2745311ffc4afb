mod changes;
mod damage;
mod examples;
mod golden;
mod parts;
mod restore;
mod round_trip;
mod statements;
