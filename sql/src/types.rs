//! Types of columns and expressions: what a column enforces, what affinity a comparison applies, what kinds of
//! values an expression can give, and by which collation texts compare.

use crate::collation::UserCollation;
use std::fmt;

/// What a column holds and enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColumnType {
    /// 64-bit integers.
    Integer,
    /// Floats; integers are converted.
    Real,
    /// Text, at most `max_chars` characters where that is given (VARCHAR(n), CHAR(n)).
    Text {
        /// The largest number of characters.
        max_chars: Option<u32>,
    },
    /// Bytes.
    Blob,
    /// Any value, stored as it is.
    Any,
    /// An integer or a real.
    Numeric,
    /// 0 or 1.
    Boolean,
    /// Exact decimals, DECIMAL(p,s) and NUMERIC(p,s): `precision` digits of which `scale` stand after the point.
    Decimal {
        /// The most digits, 28 at most.
        precision: u8,
        /// The digits after the point.
        scale: u8,
    },
    /// Text in one form.
    Formatted(TextForm),
}

/// The form of texts that a column holds; what is stored is brought into it, or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextForm {
    /// `YYYY-MM-DD`.
    Date,
    /// `HH:MM:SS[.fraction]`.
    Time,
    /// `YYYY-MM-DD HH:MM:SS[.fraction]`, in UTC where an offset was given.
    DateTime,
    /// 32 hexadecimal digits in lower case and four hyphens.
    Uuid,
    /// JSON without spaces between its parts.
    Json,
}

impl ColumnType {
    /// The affinity that comparisons with such a column apply.
    #[must_use]
    pub fn affinity(self) -> Affinity {
        match self {
            ColumnType::Integer | ColumnType::Boolean => Affinity::Integer,
            ColumnType::Real => Affinity::Real,
            ColumnType::Text { .. } | ColumnType::Formatted(_) => Affinity::Text,
            ColumnType::Blob => Affinity::Blob,
            // An ANY column converts nothing, as in a STRICT table of SQLite.
            ColumnType::Any => Affinity::Blob,
            ColumnType::Numeric => Affinity::Numeric,
            ColumnType::Decimal { .. } => Affinity::Decimal,
        }
    }

    /// The kinds of values (NULL included) that such a column can give.
    #[must_use]
    pub fn type_set(self) -> TypeSet {
        TypeSet::NULL
            | match self {
                ColumnType::Integer | ColumnType::Boolean => TypeSet::INTEGER,
                ColumnType::Real => TypeSet::REAL,
                ColumnType::Text { .. } | ColumnType::Formatted(_) => TypeSet::TEXT,
                ColumnType::Blob => TypeSet::BLOB,
                ColumnType::Any => TypeSet::ALL,
                ColumnType::Numeric => TypeSet::INTEGER | TypeSet::REAL,
                ColumnType::Decimal { .. } => TypeSet::DECIMAL,
            }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnType::Integer => f.write_str("INTEGER"),
            ColumnType::Real => f.write_str("REAL"),
            ColumnType::Text { max_chars: None } => f.write_str("TEXT"),
            ColumnType::Text { max_chars: Some(n) } => write!(f, "VARCHAR({n})"),
            ColumnType::Blob => f.write_str("BLOB"),
            ColumnType::Any => f.write_str("ANY"),
            ColumnType::Numeric => f.write_str("NUMERIC"),
            ColumnType::Boolean => f.write_str("BOOLEAN"),
            ColumnType::Decimal { precision, scale } => write!(f, "DECIMAL({precision},{scale})"),
            ColumnType::Formatted(form) => f.write_str(match form {
                TextForm::Date => "DATE",
                TextForm::Time => "TIME",
                TextForm::DateTime => "DATETIME",
                TextForm::Uuid => "UUID",
                TextForm::Json => "JSON",
            }),
        }
    }
}

/// SQLite's type affinity of an expression. `None` is that of an expression which has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Affinity {
    /// No affinity: literals, most operators.
    #[default]
    None,
    /// Columns of blobs, ANY columns, and CAST AS BLOB.
    Blob,
    /// Texts.
    Text,
    /// Numbers of either kind.
    Numeric,
    /// Integers.
    Integer,
    /// Reals.
    Real,
    /// Exact decimals: a real that a decimal is compared with counts as the decimal it is written as.
    Decimal,
}

impl Affinity {
    /// INTEGER, REAL, NUMERIC and DECIMAL.
    #[must_use]
    pub fn is_numeric(self) -> bool {
        matches!(self, Affinity::Numeric | Affinity::Integer | Affinity::Real | Affinity::Decimal)
    }
}

/// How texts compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Collation {
    /// By bytes.
    #[default]
    Binary,
    /// By bytes after folding case.
    NoCase,
    /// By bytes, trailing spaces ignored.
    RTrim,
    /// By a function of the program's own.
    User(UserCollation),
}

impl Collation {
    /// Those that every database has.
    pub const BUILT_IN: [Collation; 3] = [Collation::RTrim, Collation::NoCase, Collation::Binary];

    /// The built-in collation called `name`, in any case.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Collation> {
        Collation::BUILT_IN.into_iter().find(|c| c.name().eq_ignore_ascii_case(name))
    }

    /// True if the schema names it and the program has not registered it: nothing can be compared by it.
    #[must_use]
    pub fn is_missing(self) -> bool {
        matches!(self, Collation::User(own) if !own.is_registered())
    }

    /// Its name in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Collation::Binary => "BINARY",
            Collation::NoCase => "NOCASE",
            Collation::RTrim => "RTRIM",
            Collation::User(own) => own.name(),
        }
    }
}

/// A set of kinds of values.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TypeSet(u8);

impl TypeSet {
    /// No kind at all.
    pub const EMPTY: TypeSet = TypeSet(0);
    /// NULL.
    pub const NULL: TypeSet = TypeSet(1);
    /// Integers.
    pub const INTEGER: TypeSet = TypeSet(2);
    /// Reals.
    pub const REAL: TypeSet = TypeSet(4);
    /// Texts.
    pub const TEXT: TypeSet = TypeSet(8);
    /// Blobs.
    pub const BLOB: TypeSet = TypeSet(16);
    /// Exact decimals.
    pub const DECIMAL: TypeSet = TypeSet(32);
    /// Every kind.
    pub const ALL: TypeSet = TypeSet(63);

    /// True if every kind of `other` is in this set.
    #[must_use]
    pub fn contains(self, other: TypeSet) -> bool {
        self.0 & other.0 == other.0
    }

    /// True if some kind of `other` is in this set.
    #[must_use]
    pub fn intersects(self, other: TypeSet) -> bool {
        self.0 & other.0 != 0
    }

    /// This set without `other`.
    #[must_use]
    pub fn without(self, other: TypeSet) -> TypeSet {
        TypeSet(self.0 & !other.0)
    }
}

impl std::ops::BitOr for TypeSet {
    type Output = TypeSet;
    fn bitor(self, other: TypeSet) -> TypeSet {
        TypeSet(self.0 | other.0)
    }
}

impl fmt::Debug for TypeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["null", "integer", "real", "text", "blob", "decimal"];
        f.debug_set()
            .entries(names.iter().enumerate().filter(|(i, _)| self.0 >> i & 1 == 1).map(|(_, n)| n))
            .finish()
    }
}
