//! Sets of columns, a bit each: the ids of a statement's columns are dense, and the binder and the planner ask of
//! hundreds of expressions which of them touch which relation.

use super::expr::ColumnId;
use smallvec::SmallVec;

/// How many words a set holds without memory of its own: 256 columns.
const INLINE_WORDS: usize = 4;

/// A set of columns.
#[derive(Clone, Default)]
pub(crate) struct ColumnSet {
    /// Bit `id % 64` of word `id / 64`; words behind the last are empty.
    words: SmallVec<[u64; INLINE_WORDS]>,
}

/// The word of a column and its bit there.
fn at(id: ColumnId) -> (usize, u64) {
    ((id.0 / 64) as usize, 1 << (id.0 % 64))
}

impl ColumnSet {
    pub(crate) fn insert(&mut self, id: ColumnId) {
        let (word, bit) = at(id);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= bit; // There is such a word now.
    }

    pub(crate) fn contains(&self, id: &ColumnId) -> bool {
        let (word, bit) = at(*id);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// How many columns there are.
    #[cfg(debug_assertions)]
    pub(crate) fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Adds the columns of another set.
    pub(crate) fn add(&mut self, other: &ColumnSet) {
        if other.words.len() > self.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        self.words.iter_mut().zip(&other.words).for_each(|(word, more)| *word |= more);
    }

    /// Takes the columns of another set out.
    pub(crate) fn remove(&mut self, other: &ColumnSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, less)| *word &= !less);
    }

    /// True if some column is in both.
    pub(crate) fn meets(&self, other: &ColumnSet) -> bool {
        self.words.iter().zip(&other.words).any(|(a, b)| a & b != 0)
    }

    /// True if every column of `other` is in this set.
    pub(crate) fn covers(&self, other: &ColumnSet) -> bool {
        let mut own = self.words.iter().copied().chain(std::iter::repeat(0));
        other.words.iter().all(|word| word & !own.next().unwrap_or(0) == 0)
    }

    /// The columns in order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ColumnId> {
        self.words.iter().enumerate().flat_map(|(place, word)| {
            // Ids are 32 bits wide, so that the place of a word is less.
            let first = place as u32 * 64;
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (bit < 64).then_some(ColumnId(first + bit))
            })
        })
    }
}

impl PartialEq for ColumnSet {
    fn eq(&self, other: &ColumnSet) -> bool {
        self.covers(other) && other.covers(self)
    }
}

impl std::fmt::Debug for ColumnSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Extend<ColumnId> for ColumnSet {
    fn extend<T: IntoIterator<Item = ColumnId>>(&mut self, columns: T) {
        columns.into_iter().for_each(|id| self.insert(id));
    }
}

impl<'c> Extend<&'c ColumnId> for ColumnSet {
    fn extend<T: IntoIterator<Item = &'c ColumnId>>(&mut self, columns: T) {
        columns.into_iter().for_each(|id| self.insert(*id));
    }
}

impl FromIterator<ColumnId> for ColumnSet {
    fn from_iter<T: IntoIterator<Item = ColumnId>>(columns: T) -> ColumnSet {
        let mut set = ColumnSet::default();
        set.extend(columns);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::ColumnSet;
    use crate::ir::ColumnId;

    #[test]
    fn sets_are_those_of_their_members() {
        let ids = |set: &ColumnSet| set.iter().map(|id| id.0).collect::<Vec<_>>();
        let of = |ids: &[u32]| ids.iter().map(|id| ColumnId(*id)).collect::<ColumnSet>();
        let mut set = of(&[700, 3, 63, 64, 3]);
        assert_eq!(ids(&set), [3, 63, 64, 700]);
        assert!(
            set.contains(&ColumnId(700)) && !set.contains(&ColumnId(701)) && !set.contains(&ColumnId(9_000))
        );
        assert!(set.meets(&of(&[1, 64])) && !set.meets(&of(&[1, 65])) && !set.meets(&ColumnSet::default()));
        assert!(set.covers(&of(&[3, 700])) && !set.covers(&of(&[3, 9_000])) && !of(&[3]).covers(&set));
        set.remove(&of(&[700, 64]));
        assert_eq!(set, of(&[3, 63]));
        set.add(&of(&[5, 130]));
        assert_eq!(ids(&set), [3, 5, 63, 130]);
        set.remove(&set.clone());
        assert!(set.is_empty() && set == ColumnSet::default());
    }
}
