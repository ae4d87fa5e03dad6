//! What a test may ask of the planner: a method for joins, no indexes, passes left out. Whatever is asked, the rows are
//! the same; the tests of plans rely on that. Only the feature `testing` lets anybody ask.

/// How two inputs of a join meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinMethod {
    /// The right side is entered by keys of the left row.
    Lookup,
    /// The leaf is the build side.
    Hash,
    /// The leaf is the probe side.
    HashSwapped,
    /// Every pair.
    Loop,
}

/// The planner's freedom, narrowed. The default narrows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// The method that joins use wherever they can.
    pub join: Option<JoinMethod>,
    /// Indexes are not read.
    pub without_indexes: bool,
    /// Subqueries stay where they are written.
    pub without_decorrelation: bool,
    /// Projections stay, and so do subqueries in FROM.
    pub without_flattening: bool,
    /// Conditions stay where they are written.
    pub without_push_down: bool,
    /// Literals stay in the text, so that the plan may depend on each.
    pub without_lifting: bool,
}

/// What a method costs beside its price where another is asked for: more than any price, less than where sums of
/// prices lose their small parts.
pub(super) const UNWANTED: f64 = 1e12;
