//! HTTP/1.1 as bytes: requests that no library would send, answers read to the letter.

mod answer;
mod connection;
mod request;

pub use answer::Answer;
pub use connection::Connection;
pub use request::Request;
