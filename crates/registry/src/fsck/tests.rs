//! Damage of every kind, planted in a store that is whole: what is told of it, and what a repair makes
//! of it.

mod content;
mod planting;
mod records;
mod things_under_way;
