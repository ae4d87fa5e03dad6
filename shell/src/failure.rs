//! Why a statement or a command ended early.

use std::io;

/// What ended a statement or a command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database refused; the error may point at a place of the text.
    Sql(sedge::Error),
    /// Nothing can be printed any more.
    Output(io::Error),
    /// The user did something wrong, or the world is not as a command needs it.
    Message(String),
}

impl From<sedge::Error> for Failure {
    fn from(error: sedge::Error) -> Failure {
        Failure::Sql(error)
    }
}

/// Errors of reading a file have to be given its name instead.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::Message(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Failure {
        Failure::Message(message.to_string())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Sql(error) => error.fmt(f),
            Failure::Output(error) => write!(f, "output: {error}"),
            Failure::Message(message) => f.write_str(message),
        }
    }
}
