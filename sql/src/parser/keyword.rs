//! SQLite's keywords: which word is one, and which of them may be names all the same. Touches no other part of the
//! parser.

macro_rules! keywords {
    ($($keyword:ident)*) => {
        /// What a bare word is to the grammar.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::upper_case_acronyms, clippy::enum_variant_names, non_camel_case_types, reason = "keywords are written so")]
        pub(super) enum Keyword {
            /// A word that is no keyword.
            NoKeyword,
            $($keyword,)*
        }

        /// The keywords in order.
        const KEYWORDS: &[(&str, Keyword)] = &[$((stringify!($keyword), Keyword::$keyword)),*];
    };
}

keywords! {
    ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY
    CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE
    CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP EACH
    ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FALSE FILTER FIRST FOLLOWING FOR FOREIGN FROM FULL
    GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT
    INTO IS ISNULL JOIN KEY LAST LEFT LIKE LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF
    OFFSET ON OR ORDER OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES
    REGEXP REINDEX RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT SELECT SET
    TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER TRUE UNBOUNDED UNION UNIQUE UPDATE USING VACUUM VALUES VIEW
    VIRTUAL WHEN WHERE WINDOW WITH WITHOUT
}

/// The longest keyword's length.
const LENGTH_MAX: usize = 17;

/// How many chains the hash table of keywords has; a power of two.
const CHAINS: usize = 256;

/// The chain that a word in upper case would be in, from its length, its first letter and its last two: of all
/// keywords three at most share one.
const fn chain_of(upper: &[u8]) -> usize {
    let length = upper.len();
    let (first, last) = (upper[0] as usize, upper[length - 1] as usize);
    let before = if length > 1 { upper[length - 2] as usize } else { 0 };
    (first * 7 + last * 31 + before * 3 + length * 11) % CHAINS
}

/// For each chain the number of its first keyword plus one, and for each keyword that of the next in its chain.
const TABLE: ([u8; CHAINS], [u8; KEYWORDS.len()]) = {
    let mut heads = [0; CHAINS];
    let mut next = [0; KEYWORDS.len()];
    let mut at = KEYWORDS.len();
    while at > 0 {
        at -= 1;
        let chain = chain_of(KEYWORDS[at].0.as_bytes());
        next[at] = heads[chain];
        heads[chain] = at as u8 + 1;
    }
    (heads, next)
};

const _: () = assert!(KEYWORDS.len() < u8::MAX as usize);

/// The keyword that a bare word is.
pub(super) fn keyword_of(word: &str) -> Keyword {
    let mut upper = [0; LENGTH_MAX];
    let Some(upper) = upper.get_mut(..word.len()).filter(|upper| !upper.is_empty()) else {
        return Keyword::NoKeyword;
    };
    upper.copy_from_slice(word.as_bytes());
    upper.make_ascii_uppercase();
    let mut place = TABLE.0[chain_of(upper)];
    while let Some((name, keyword)) = usize::from(place).checked_sub(1).and_then(|place| KEYWORDS.get(place))
    {
        if name.as_bytes() == &*upper {
            return *keyword;
        }
        place = TABLE.1[usize::from(place) - 1]; // `place` was found among the keywords just now.
    }
    Keyword::NoKeyword
}

impl Keyword {
    /// Whether a bare word can be a name at all: no keyword, or one that SQLite lets be a name.
    pub(super) fn is_name(self) -> bool {
        use Keyword::*;
        !matches!(
            self,
            ADD | ALL
                | ALTER
                | AND
                | AS
                | AUTOINCREMENT
                | BETWEEN
                | CASE
                | CHECK
                | COLLATE
                | COMMIT
                | CONSTRAINT
                | CREATE
                | DEFAULT
                | DEFERRABLE
                | DELETE
                | DISTINCT
                | DROP
                | ELSE
                | ESCAPE
                | EXCEPT
                | EXISTS
                | FOREIGN
                | FROM
                | GROUP
                | HAVING
                | IN
                | INDEX
                | INSERT
                | INTERSECT
                | INTO
                | IS
                | ISNULL
                | JOIN
                | LIMIT
                | NOT
                | NOTHING
                | NOTNULL
                | NULL
                | ON
                | OR
                | ORDER
                | PRIMARY
                | REFERENCES
                | RETURNING
                | SELECT
                | SET
                | TABLE
                | THEN
                | TO
                | TRANSACTION
                | UNION
                | UNIQUE
                | UPDATE
                | USING
                | VALUES
                | WHEN
                | WHERE
        )
    }

    /// Whether a bare word can be a name where no AS announces it: not one that begins a join or an index hint.
    pub(super) fn is_bare_alias(self) -> bool {
        use Keyword::*;
        self.is_name() && !matches!(self, CROSS | FULL | INDEXED | INNER | LEFT | NATURAL | OUTER | RIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::{KEYWORDS, Keyword, keyword_of};

    #[test]
    fn each_keyword_is_found_in_any_case() {
        assert!(KEYWORDS.is_sorted_by_key(|(name, _)| *name));
        for (name, keyword) in KEYWORDS {
            assert_eq!(keyword_of(name), *keyword);
            assert_eq!(keyword_of(&name.to_lowercase()), *keyword);
            assert_eq!(keyword_of(&name[1..]), keyword_of(&name[1..].to_lowercase()));
        }
        for name in ["", "_", "sel", "selects", "[", "zz", "1select", "\u{e9}t\u{e9}"] {
            assert_eq!(keyword_of(name), Keyword::NoKeyword, "{name}");
        }
    }
}
