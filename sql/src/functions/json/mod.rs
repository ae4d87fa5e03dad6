//! JSON: the functions of SQLite over text (RFC 8259 and JSON5) and over its binary form.
//!
//! ```text
//! text --parse--> binary --path, patch--> binary --render--> text
//!                   |                                 value --> SQL values, each --> rows
//! ```
//!
//! Everything is done on the binary form (`node` draws it): one buffer a document, no tree of nodes. That a value
//! which a JSON function has made stands in another as JSON and not as a string, is decided while binding (`bind/json.rs`):
//! it is handed over in its binary form.

mod aggregate;
mod argument;
mod each;
mod escape;
mod node;
mod parse;
mod patch;
mod path;
mod render;
mod scalar;
#[cfg(test)]
mod tests;
mod validate;
mod value;

pub(super) use aggregate::FUNCTIONS as AGGREGATES;
pub(super) use each::lookup as lookup_table;
pub(super) use escape::write_quoted;
pub(super) use scalar::FUNCTIONS;
