//! Counts masks, for registered values and for each rule.

use std::collections::BTreeMap;

use crate::masks::{MASK, MASK_BEGIN};

/// The number of masks that were written for registered values, and for each rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskCounts {
    values: u64,
    rules: BTreeMap<String, u64>,
}

impl MaskCounts {
    /// Returns the number of masks for registered values.
    pub fn values(&self) -> u64 {
        self.values
    }

    /// Returns the id of each rule that masked something, in alphabetical order, with the number of the rule's masks.
    pub fn rules(&self) -> impl Iterator<Item = (&str, u64)> {
        self.rules.iter().map(|(id, count)| (id.as_str(), *count))
    }

    /// Returns the total number of masks.
    pub fn total(&self) -> u64 {
        self.values + self.rules.values().sum::<u64>()
    }

    /// Adds the numbers of `other`.
    pub fn add(&mut self, other: &Self) {
        self.values += other.values;
        for (id, count) in &other.rules {
            *self.rules.entry(id.clone()).or_default() += count;
        }
    }

    pub(crate) fn add_value(&mut self) {
        self.values += 1;
    }

    pub(crate) fn add_rule(&mut self, id: &str) {
        match self.rules.get_mut(id) {
            Some(count) => *count += 1,
            None => {
                self.rules.insert(id.to_owned(), 1);
            }
        }
    }

    /// Counts a mask whose id was read from a text, and may therefore not belong to any rule. If [`MOST_IDS`] other ids
    /// are already stored, the mask is counted as a mask of a registered value.
    fn add_claimed_rule(&mut self, id: &str) {
        if self.rules.len() < MOST_IDS || self.rules.contains_key(id) {
            self.add_rule(id);
        } else {
            self.add_value();
        }
    }
}

/// Counts the masks in redacted text, no matter how the text is split into pieces.
///
/// A program may print text that looks like a mask. Such text is counted too, because it cannot be distinguished from a
/// mask. It can contain any number of ids, so at most 1,000 different ids are stored. Masks with further ids are
/// counted as masks of registered values, so the total remains exact.
#[derive(Clone, Debug, Default)]
pub struct MaskCounter {
    /// The incomplete mask at the end of the text so far.
    begun: Vec<u8>,
    counts: MaskCounts,
}

/// The maximum number of different ids that are counted separately. There are about 300 built-in rules.
const MOST_IDS: usize = 1_000;

/// The maximum number of bytes in a mask, whose id has at most 48 bytes.
const LONGEST_MASK: usize = 64;

impl MaskCounter {
    /// Processes the next bytes.
    pub fn push(&mut self, mut text: &[u8]) {
        while !text.is_empty() {
            if self.begun.is_empty() {
                let Some(at) = text.iter().position(|byte| *byte == MASK_BEGIN[0]) else { return };
                text = &text[at..];
            }
            let (first, rest) = (text[0], &text[1..]);
            self.begun.push(first);
            text = rest;
            if !is_begun(&self.begun) {
                self.begun.clear();
                if first == MASK_BEGIN[0] {
                    self.begun.push(first);
                }
            } else if first == b']' {
                self.count();
            }
        }
    }

    /// Returns the numbers of masks in the text so far.
    pub fn counts(&self) -> &MaskCounts {
        &self.counts
    }

    fn count(&mut self) {
        match self.begun.strip_prefix(MASK_BEGIN) {
            Some([b':', id @ .., b']']) if !id.is_empty() => self.counts.add_claimed_rule(&String::from_utf8_lossy(id)),
            Some(b"]") => self.counts.add_value(),
            _ => {}
        }
        self.begun.clear();
    }
}

/// Returns whether `text` is a mask or the beginning of one.
fn is_begun(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(MASK_BEGIN) else { return MASK_BEGIN.starts_with(text) };
    let is_id = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    text == MASK
        || match rest {
            [] => true,
            [b':', id @ .., b']'] | [b':', id @ ..] => id.iter().all(is_id) && text.len() <= LONGEST_MASK,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_counted_by_label_however_the_text_is_cut() {
        let text = b"[[REDACTED] a [REDACTED:jwt][REDACTED:jwt] [REDACTED:a-1] [REDACTED [REDACTED:] [REDACTED:X] [RED";
        for cut in 0..=text.len() {
            let mut counter = MaskCounter::default();
            counter.push(&text[..cut]);
            counter.push(&text[cut..]);
            let counts = counter.counts();
            assert_eq!(counts.values(), 1, "cut at {cut}");
            assert_eq!(counts.rules().collect::<Vec<_>>(), [("a-1", 1), ("jwt", 2)], "cut at {cut}");
            assert_eq!(counts.total(), 4);
        }
    }

    #[test]
    fn the_number_of_ids_is_limited() {
        let mut counter = MaskCounter::default();
        for _ in 0..2 {
            for id in 0..MOST_IDS + 5 {
                counter.push(format!("[REDACTED:rule-{id}]").as_bytes());
            }
        }
        let counts = counter.counts();
        assert_eq!(counts.rules().count(), MOST_IDS);
        assert!(counts.rules().all(|(_, count)| count == 2), "masks with stored ids are still counted by id");
        assert_eq!(counts.values(), 2 * 5);
        assert_eq!(counts.total(), 2 * (MOST_IDS as u64 + 5));
    }
}
