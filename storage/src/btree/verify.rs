//! Looking at a whole tree: every page, every record, every link. Reads only.

use super::branch::append_key;
use super::first_touch::verify as verify_node;
use super::node::NodeView;
use super::overflow;
use super::record::RawValue;
use super::search::{check_node, kind_of_root};
use super::{TreeId, TreeKind};
use crate::error::{Error, Result};
use crate::page::{PageId, ReadPages};

/// Walks a tree, reports each page it owns to `owned` and what is wrong to `problems`; gives the number of records.
///
/// # Errors
/// What `owned` returns. Damage is no error here: it goes to `problems`.
pub(crate) fn verify<P: ReadPages>(
    pages: &P,
    tree: TreeId,
    kind: TreeKind,
    owned: &mut dyn FnMut(PageId) -> Result<()>,
    problems: &mut Vec<String>,
) -> Result<u64> {
    let root = PageId(tree.0);
    let mut walk =
        Walk { pages, kind, owned, problems, records: 0, last_key: None, expected_sibling: Vec::new() };
    let level = match pages.page(root).and_then(|page| kind_of_root(root, &page)) {
        Ok((found, level)) if found == kind => level,
        Ok((found, _)) => {
            walk.problems
                .push(format!("page {root} is the root of a {found:?} tree, not of a {kind:?} tree"));
            return Ok(0);
        }
        Err(error) => {
            walk.problems.push(error.to_string());
            return Ok(0);
        }
    };
    walk.node(root, level, None, None)?;
    for (level, (id, sibling)) in walk.expected_sibling.iter().enumerate() {
        if *sibling != PageId::NONE {
            walk.problems.push(format!("page {id}, the last of level {level}, links to {sibling}"));
        }
    }
    Ok(walk.records)
}

/// What a walk through a tree carries.
struct Walk<'a, P> {
    pages: &'a P,
    kind: TreeKind,
    owned: &'a mut dyn FnMut(PageId) -> Result<()>,
    problems: &'a mut Vec<String>,
    records: u64,
    last_key: Option<Vec<u8>>,
    /// By level, the node seen last and the right sibling it names.
    expected_sibling: Vec<(PageId, PageId)>,
}

impl<P: ReadPages> Walk<'_, P> {
    /// Looks at node `id`, whose keys must lie in `low..high`, and all below it.
    fn node(&mut self, id: PageId, level: u8, low: Option<&[u8]>, high: Option<&[u8]>) -> Result<()> {
        (self.owned)(id)?;
        let looked = self.pages.page(id).and_then(|page| {
            verify_node(&page).map_err(|detail| Error::corrupt(id, detail))?;
            check_node(id, &page, self.kind, level)?;
            Ok(page)
        });
        let page = match looked {
            Ok(page) => page,
            Err(error) => {
                self.problems.push(error.to_string());
                return Ok(());
            }
        };
        let node = NodeView::new(&page);
        self.check_links(id, node);
        for (name, fence, bound) in [("low", node.low_fence(), low), ("high", node.high_fence(), high)] {
            let agree = match (fence, bound) {
                (None, None) => true,
                (Some(fence), Some(bound)) => {
                    let kept = &bound[..fence.len().min(bound.len())]; // within the bound
                    let (first, second) = fence.from(0);
                    kept.starts_with(first)
                        && &kept[first.len()..] == second
                        && fence.cut == (kept.len() < bound.len())
                }
                _ => false,
            };
            if !agree {
                self.problems.push(format!("page {id}: its {name} fence is not the separator above it"));
            }
        }
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for slot in 0..node.count() {
            let record = node.record(slot);
            let mut key = Vec::new();
            if let Err(error) = append_key(self.pages, &record, &mut key) {
                self.problems.push(error.to_string());
            }
            if low.is_some_and(|low| key.as_slice() < low) || high.is_some_and(|high| key.as_slice() >= high)
            {
                self.problems.push(format!("page {id}: the key of slot {slot} lies outside the fences"));
            }
            if let Some(tail) = record.tail {
                self.run(tail.page, tail.length)?;
            }
            if let RawValue::Overflow { page, length } = record.value {
                self.run(page, length)?;
            }
            if level == 0 {
                self.records += 1;
                if self.last_key.as_ref().is_some_and(|last| *last >= key) {
                    self.problems
                        .push(format!("page {id}: the key of slot {slot} is not above the one before it"));
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
            self.problems.push(format!("page {before} links to {expected}, but {id} is to its right"));
        }
        self.expected_sibling[level] = (id, node.right_sibling()); // as above
    }

    fn run(&mut self, first: PageId, length: u32) -> Result<()> {
        let mut refused = None;
        let walked =
            overflow::pages_of_run(self.pages, first, length, &mut |page| match (self.owned)(page) {
                Ok(()) => Ok(()),
                Err(error) => {
                    refused = Some(error);
                    Err(Error::corrupt(page, "the walk was ended"))
                }
            });
        match (walked, refused) {
            (_, Some(error)) => Err(error),
            (Err(error), None) => {
                self.problems.push(error.to_string());
                Ok(())
            }
            (Ok(()), None) => Ok(()),
        }
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
