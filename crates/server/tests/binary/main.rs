//! The binary as its users meet it.

mod checking;
mod command_line;
mod process;
