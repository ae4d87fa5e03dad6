//! The check of a whole database: every page is owned exactly once.

use super::freelist;
use crate::btree::{self, Problems, TreeId, TreeKind};
use crate::error::{Error, Result};
use crate::page::PageId;
use crate::page::ReadPages;
use crate::page::file_header::FileState;
use crate::txn::Snapshot;

/// Most problems listed one by one.
const PROBLEMS_MAX: usize = 100;

/// Who owns each page.
struct Ownership {
    /// By page number: the owner's place in `owners` plus one, or 0.
    pages: Vec<u32>,
    owners: Vec<String>,
}

impl Ownership {
    fn claim(&mut self, id: PageId, owner: usize) -> Result<()> {
        match self.pages.get_mut(id.0 as usize) {
            Some(0) => {
                self.pages[id.0 as usize] = owner as u32 + 1; // found just now
                Ok(())
            }
            Some(other) => {
                let other = self.owners.get(*other as usize - 1).map_or("nothing", String::as_str);
                let owner = self.owners.get(owner).map_or("nothing", String::as_str);
                Err(Error::corrupt(id, format!("it belongs to {other} and to {owner}")))
            }
            None => Err(Error::corrupt(id, "it lies beyond the end of the database")),
        }
    }

    fn owner(&mut self, name: &str) -> usize {
        self.owners.push(name.to_owned());
        self.owners.len() - 1
    }
}

/// Says what is wrong with the database that `snapshot` shows; its trees are `trees`.
///
/// # Errors
/// I/O errors; damage is reported in the list.
pub(crate) fn check(snapshot: &Snapshot, trees: &[(TreeId, TreeKind, String)]) -> Result<Vec<String>> {
    let mut problems = Problems::new(PROBLEMS_MAX);
    // What the header counts may be forged: memory goes by what is there.
    let present = snapshot.pages_max();
    let stated = u64::from(snapshot.page_count());
    if present < stated {
        problems.add(|| format!("the header counts {stated} pages, and there are {present} at most"));
    }
    let mut ownership = Ownership { pages: vec![0; present as usize], owners: Vec::new() };
    let header = ownership.owner("the file header");
    ownership.claim(PageId(0), header)?;
    let walked = walk_freelist(snapshot, &mut ownership);
    note(walked, "the freelist", &mut problems)?;
    for (tree, kind, name) in trees {
        let owner = ownership.owner(name);
        btree::verify(snapshot, *tree, *kind, &mut |id| ownership.claim(id, owner), name, &mut problems)?;
    }
    let lost: Vec<u32> =
        (0u32..).zip(&ownership.pages).filter(|(_, owner)| **owner == 0).map(|(id, _)| id).collect();
    if !lost.is_empty() {
        let first: Vec<String> = lost.iter().take(10).map(u32::to_string).collect();
        let and_more = if lost.len() > first.len() { ", ..." } else { "" };
        problems.add(|| format!("{} pages belong to nothing: {}{and_more}", lost.len(), first.join(", ")));
    }
    Ok(problems.into_list())
}

/// Turns damage into a problem of the list.
fn note<T>(walked: Result<T>, name: &str, problems: &mut Problems) -> Result<()> {
    match walked {
        Ok(_) => Ok(()),
        Err(error @ Error::Corrupt { .. }) => {
            problems.add(|| format!("{name}: {error}"));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn walk_freelist(snapshot: &Snapshot, ownership: &mut Ownership) -> Result<()> {
    let state = FileState::read(&snapshot.page(PageId(0))?)?;
    let owner = ownership.owner("the freelist");
    let (mut head, mut pages) = (state.freelist_head, 0);
    while head != PageId::NONE {
        // A list that runs in a circle claims a page twice.
        ownership.claim(head, owner)?;
        let page = snapshot.page(head)?;
        freelist::expect(head, &page)?;
        pages += 1;
        for id in freelist::numbers(&page) {
            ownership.claim(id, owner)?;
            pages += 1;
        }
        head = freelist::next(&page);
    }
    if pages == state.free_count {
        return Ok(());
    }
    let detail = format!("the header counts {} free pages, the freelist names {pages}", state.free_count);
    Err(Error::corrupt(PageId(0), detail))
}
