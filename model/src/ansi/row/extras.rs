//! The links and marks of a row's cells. Marks are the combining and invisible characters that follow a cell's
//! character. Both are stored apart from the cells, because most cells have neither.

use std::sync::Arc;

/// The maximum total size, in bytes, of a row's links and marks. The marks before the row's first cell have a separate
/// limit of the same size. The limit is enough for a thousand links of the usual length. Links and marks beyond the
/// limit are dropped, but the text remains.
pub(in crate::ansi) const MAX_BYTES: usize = 64 * 1024;
/// The number of entries that any row may have before it is compacted, so that short rows are not compacted repeatedly.
const MIN_CROWD: usize = 64;

/// The key of a cell's link and marks: 0 if there are none, or else the entry's index plus 1.
pub(super) type Key = u32;

/// The key of cells without a link or marks.
pub(super) const NONE: Key = 0;

#[derive(Clone, Debug, Default)]
struct Extra {
    link: Option<Arc<str>>,
    /// Combining and invisible characters that follow the cell's character.
    marks: String,
}

/// The list of links and marks. When cells are erased, their entries remain until a compaction removes them.
#[derive(Clone, Debug, Default)]
pub(super) struct Extras {
    list: Vec<Extra>,
    /// An upper bound on the number of bytes of the links and marks.
    bytes: usize,
    /// Whether a compaction has found too many bytes in use. New links and marks are then dropped until the row is
    /// erased.
    full: bool,
}

impl Extras {
    /// Returns an upper bound on the size in memory, in bytes.
    pub fn weight(&self) -> usize {
        self.list.len() * size_of::<Extra>() + self.bytes
    }

    /// Returns the key for a cell that has this link and no marks.
    pub fn linked(&mut self, link: Option<&Arc<str>>) -> Key {
        match link {
            Some(link) if !self.full => self.add(Some(link.clone()), String::new()),
            _ => NONE,
        }
    }

    /// Adds a mark to the cell that has this key. Returns the cell's new key, or `None` if the mark was dropped.
    pub fn marked(&mut self, key: Key, mark: char) -> Option<Key> {
        if self.full {
            return None;
        }
        // Only entries without marks are shared by several cells.
        if let Some(extra) = self.entry(key).filter(|extra| !extra.marks.is_empty()) {
            extra.marks.push(mark);
            self.bytes += mark.len_utf8();
            return Some(key);
        }
        let link = self.get(key).0.cloned();
        Some(self.add(link, mark.into()))
    }

    /// Returns the link and the marks of the cell that has this key.
    pub fn get(&self, key: Key) -> (Option<&Arc<str>>, &str) {
        match index(key).and_then(|at| self.list.get(at)) {
            Some(extra) => (extra.link.as_ref(), &extra.marks),
            None => (None, ""),
        }
    }

    fn entry(&mut self, key: Key) -> Option<&mut Extra> {
        self.list.get_mut(index(key)?)
    }

    /// Adds an entry, unless the last entry is the same. Returns the entry's key.
    fn add(&mut self, link: Option<Arc<str>>, marks: String) -> Key {
        let same = |last: &Arc<str>| link.as_ref().is_some_and(|link| Arc::ptr_eq(last, link));
        let before = self.list.last();
        let is_known = before.and_then(|last| last.link.as_ref()).is_some_and(same);
        if !(is_known && marks.is_empty() && before.is_some_and(|last| last.marks.is_empty())) {
            if !is_known {
                self.bytes += link.as_ref().map_or(0, |link| link.len());
            }
            self.bytes += marks.len();
            self.list.push(Extra { link, marks });
        }
        Key::try_from(self.list.len()).unwrap_or(NONE)
    }

    /// Returns whether a compaction is worthwhile: either it would remove at least half of the entries, or the links
    /// and marks exceed their limit. If the remaining links and marks fill more than half of the limit, `full` prevents
    /// further compactions. The total cost of compactions is therefore proportional to the amount of text.
    pub fn is_crowded(&self, cells: usize) -> bool {
        !self.full && (self.list.len() > 2 * cells + MIN_CROWD || self.bytes > MAX_BYTES)
    }
}

/// The entries that are kept because cells still use them, in the order of the cells.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    kept: Extras,
    /// The old and the new key of the last entry that was kept.
    last: (Key, Key),
}

impl Compaction {
    /// Keeps the entry that has this key, and returns its new key.
    pub fn keep(&mut self, key: Key, from: &mut Extras) -> Key {
        if key != self.last.0 {
            // An entry with marks belongs to a single cell, so its marks can be moved. An entry without marks may also
            // belong to later cells, so its link is copied.
            let extra = from.entry(key).map(|extra| (extra.link.clone(), std::mem::take(&mut extra.marks)));
            self.last = (key, extra.map_or(NONE, |(link, marks)| self.kept.add(link, marks)));
        }
        self.last.1
    }

    /// Returns the entries that were kept.
    pub fn finish(mut self) -> Extras {
        self.kept.full = self.kept.bytes > MAX_BYTES / 2;
        self.kept
    }
}

/// Appends a mark to the marks before the first cell. If there are too many marks, drops the mark and returns `false`.
pub(super) fn push_mark(marks: &mut String, mark: char) -> bool {
    let fits = marks.len() < MAX_BYTES;
    if fits {
        marks.push(mark);
    }
    fits
}

fn index(key: Key) -> Option<usize> {
    usize::try_from(key).ok()?.checked_sub(1)
}
