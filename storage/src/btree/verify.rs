//! Looking at a whole tree: every page, every record, every link. Reads only.

use super::branch::append_key;
use super::first_touch::verify as verify_node;
use super::node::{Fence, NodeView};
use super::overflow;
use super::record::RawValue;
use super::search::{check_node, kind_of_root};
use super::{TreeId, TreeKind};
use crate::error::{Error, Result};
use crate::page::{PageId, ReadPages};

/// What is wrong, a line each: the first of it in full, and how much more there was.
pub(crate) struct Problems {
    listed: Vec<String>,
    listed_max: usize,
    more: u64,
}

impl Problems {
    /// A list of at most so many; others are counted.
    pub(crate) fn new(listed_max: usize) -> Problems {
        Problems { listed: Vec::new(), listed_max, more: 0 }
    }

    /// Adds one, which is only put into words if it is listed.
    pub(crate) fn add(&mut self, words: impl FnOnce() -> String) {
        if self.listed.len() < self.listed_max {
            self.listed.push(words());
        } else {
            self.more += 1;
        }
    }

    /// The list, with a last line for those that are not on it.
    pub(crate) fn into_list(mut self) -> Vec<String> {
        if self.more > 0 {
            self.listed.push(format!("and {} more", self.more));
        }
        self.listed
    }
}

/// Walks a tree, reports each page it owns to `owned` and what is wrong, in front of it `name`, to `problems`; gives the
/// number of records. What lies below a page that `owned` refuses with [`Error::Corrupt`] is passed over.
///
/// # Errors
/// I/O errors, and other errors of `owned`. Damage is no error here: it goes to `problems`.
pub(crate) fn verify<P: ReadPages>(
    pages: &P,
    tree: TreeId,
    kind: TreeKind,
    owned: &mut dyn FnMut(PageId) -> Result<()>,
    name: &str,
    problems: &mut Problems,
) -> Result<u64> {
    let root = PageId(tree.0);
    let expected_sibling = Vec::new();
    let mut walk = Walk { pages, kind, name, owned, problems, records: 0, last_key: None, expected_sibling };
    let level = match walk.sound(pages.page(root).and_then(|page| kind_of_root(root, &page)))? {
        Some((found, level)) if found == kind => level,
        Some((found, _)) => {
            walk.add(|| format!("page {root} is the root of a {found:?} tree, not of a {kind:?} tree"));
            return Ok(0);
        }
        None => return Ok(0),
    };
    walk.node(root, level, None, None)?;
    for (level, (id, sibling)) in std::mem::take(&mut walk.expected_sibling).into_iter().enumerate() {
        if sibling != PageId::NONE {
            walk.add(|| format!("page {id}, the last of level {level}, links to {sibling}"));
        }
    }
    Ok(walk.records)
}

/// What a walk through a tree carries.
struct Walk<'a, P> {
    pages: &'a P,
    kind: TreeKind,
    name: &'a str,
    owned: &'a mut dyn FnMut(PageId) -> Result<()>,
    problems: &'a mut Problems,
    records: u64,
    last_key: Option<Vec<u8>>,
    /// By level, the node seen last and the right sibling it names.
    expected_sibling: Vec<(PageId, PageId)>,
}

impl<P: ReadPages> Walk<'_, P> {
    fn add(&mut self, words: impl FnOnce() -> String) {
        let name = self.name;
        self.problems.add(|| format!("{name}: {}", words()));
    }

    /// What was read, or nothing where it is damaged, which is noted.
    fn sound<T>(&mut self, read: Result<T>) -> Result<Option<T>> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(error @ Error::Corrupt { .. }) => {
                self.add(|| error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// True if page `id` is this tree's alone.
    fn owns(&mut self, id: PageId) -> Result<bool> {
        let owned = (self.owned)(id);
        Ok(self.sound(owned)?.is_some())
    }

    /// Looks at node `id`, whose keys must lie in `low..high`, and all below it.
    fn node(&mut self, id: PageId, level: u8, low: Option<&[u8]>, high: Option<&[u8]>) -> Result<()> {
        if !self.owns(id)? {
            return Ok(());
        }
        let looked = self.pages.page(id).and_then(|page| {
            verify_node(&page).map_err(|detail| Error::corrupt(id, detail))?;
            check_node(id, &page, self.kind, level)?;
            Ok(page)
        });
        let Some(page) = self.sound(looked)? else { return Ok(()) };
        let node = NodeView::new(&page);
        self.check_links(id, node);
        for (name, fence, bound) in [("low", node.low_fence(), low), ("high", node.high_fence(), high)] {
            if !agree(fence, bound) {
                self.add(|| format!("page {id}: its {name} fence is not the separator above it"));
            }
        }
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for slot in 0..node.count() {
            let record = node.record(slot);
            let mut key = Vec::new();
            // A run that is another's is not read: each byte of the file comes into memory once.
            let is_whole = match record.tail {
                Some(tail) => self.run(tail.page, tail.length)?,
                None => true,
            };
            if is_whole {
                let appended = append_key(self.pages, &record, &mut key);
                self.sound(appended)?;
            } else {
                record.append_local_key(&mut key);
            }
            if low.is_some_and(|low| key.as_slice() < low) || high.is_some_and(|high| key.as_slice() >= high)
            {
                self.add(|| format!("page {id}: the key of slot {slot} lies outside the fences"));
            }
            if let RawValue::Overflow { page, length } = record.value {
                self.run(page, length)?;
            }
            if level == 0 {
                self.records += 1;
                if self.last_key.as_ref().is_some_and(|last| *last >= key) {
                    self.add(|| format!("page {id}: the key of slot {slot} is not above the one before it"));
                }
                self.last_key = Some(key);
            } else {
                keys.push(key);
            }
        }
        if level > 0 {
            for index in 0..=node.count() {
                let from =
                    index.checked_sub(1).and_then(|before| keys.get(before)).map(Vec::as_slice).or(low);
                let to = keys.get(index).map(Vec::as_slice).or(high);
                self.node(node.child(index), level - 1, from, to)?;
            }
        }
        Ok(())
    }

    fn check_links(&mut self, id: PageId, node: NodeView<'_>) {
        let level = usize::from(node.level());
        if self.expected_sibling.len() <= level {
            self.expected_sibling.resize(level + 1, (PageId::NONE, PageId::NONE));
        }
        let (before, expected) = self.expected_sibling[level]; // resized above
        if expected != id && before != PageId::NONE {
            self.add(|| format!("page {before} links to {expected}, but {id} is to its right"));
        }
        self.expected_sibling[level] = (id, node.right_sibling()); // as above
    }

    /// True if the run is sound and this tree's alone.
    fn run(&mut self, first: PageId, length: u32) -> Result<bool> {
        let owned = &mut *self.owned;
        let walked = overflow::pages_of_run(self.pages, first, length, &mut |page| owned(page));
        Ok(self.sound(walked)?.is_some())
    }
}

/// True if a node's fence is the separator `bound` above it, or as much of it as a fence keeps.
fn agree(fence: Option<Fence<'_>>, bound: Option<&[u8]>) -> bool {
    match (fence, bound) {
        (None, None) => true,
        (Some(fence), Some(bound)) => {
            let kept = &bound[..fence.len().min(bound.len())]; // within the bound
            let (first, second) = fence.from(0);
            kept.starts_with(first)
                && &kept[first.len()..] == second
                && fence.cut == (kept.len() < bound.len())
        }
        _ => false,
    }
}

/// Asserts that a node's keys ascend, as far as their local parts tell.
pub(super) fn assert_ordered(node: NodeView<'_>) {
    for slot in 1..node.count() {
        let (before, after) = (node.record(slot - 1), node.record(slot));
        debug_assert!(
            before.rest < after.rest || before.rest == after.rest && after.tail.is_some(),
            "the keys of slots {} and {slot} do not ascend",
            slot - 1
        );
    }
}
