//! Maps the bytes of a view to positions in the stream.

/// The positions of the last bytes of a view. Bytes that are consecutive in the stream take no memory of their own.
#[derive(Clone, Default)]
pub(super) struct Map {
    /// The first run of consecutive bytes, or `None` if no byte is known. It is stored inline, because most views
    /// consist of a single run.
    first: Option<Run>,
    /// The other runs.
    others: Vec<Run>,
    /// The number of bytes in the view.
    len: usize,
    /// The position that the next byte has if it continues the last run.
    next: usize,
}

/// Bytes of the view that are consecutive in the stream.
#[derive(Clone, Copy)]
struct Run {
    /// The index of the first byte within the view.
    index: usize,
    /// The position of the first byte in the stream.
    at: usize,
}

impl Map {
    /// Creates the map of a view whose last `len` bytes end at the position `end` and are consecutive.
    pub(super) fn consecutive(len: usize, end: usize) -> Self {
        let first = (len > 0).then(|| Run { index: 0, at: end - len });
        Self { first, others: Vec::new(), len, next: end }
    }

    /// Forgets all bytes.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.first = None;
        self.others.clear();
    }

    /// Appends a byte at the position `at`.
    #[inline]
    pub(super) fn push(&mut self, at: usize) {
        let run = Run { index: self.len, at };
        if self.first.is_none() {
            self.first = Some(run);
        } else if at != self.next {
            self.others.push(run);
        }
        self.len += 1;
        self.next = at + 1;
    }

    /// Returns the position of the first of the last `count` bytes, all of which must be known.
    pub(super) fn start(&self, count: usize) -> usize {
        let index = self.len - count;
        let run = match self.runs_until(index) {
            0 => self.first.expect("the byte is known"),
            run => self.others[run - 1],
        };
        run.at + index - run.index
    }

    /// Forgets bytes before the last `count` bytes, but not necessarily all of them.
    pub(super) fn keep(&mut self, count: usize) {
        let unused = self.runs_until(self.len - count);
        // Removing runs moves the others, so runs are removed only if there are many to remove.
        if 2 * unused > self.others.len() {
            self.first = self.others.drain(..unused).next_back();
        }
    }

    /// Returns how many runs in `others` begin at or before `index`.
    fn runs_until(&self, index: usize) -> usize {
        self.others.partition_point(|run| run.index <= index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_known_across_gaps() {
        let mut map = Map::consecutive(2, 12);
        for at in [12, 13, 20, 20, 21, 30] {
            map.push(at);
        }
        assert_eq!([1, 2, 3, 4, 5, 6, 7, 8].map(|count| map.start(count)), [30, 21, 20, 20, 13, 12, 11, 10]);
        map.keep(2);
        assert_eq!([1, 2].map(|count| map.start(count)), [30, 21]);
        map.clear();
        map.push(7);
        map.push(8);
        assert_eq!([1, 2].map(|count| map.start(count)), [8, 7]);
    }
}
