//! Three servers over one bucket, and nothing else between them: whatever one of them does, the
//! others know at once, and any of them goes on with what another began.

mod cluster;
mod keys;
mod races;
mod sessions;
mod tag_race;
mod uploads;
mod visibility;
