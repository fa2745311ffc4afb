mod changes;
mod damage;
mod examples;
mod golden;
mod restore;
mod round_trip;
