//! Finds incomplete UTF-8 characters, because output is stored and read in complete characters.

/// Returns how many bytes at the end of `bytes` (0 to 3) belong to an incomplete UTF-8 character.
#[must_use]
pub fn incomplete_character(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(4)..];
    for back in 1..=tail.len().min(3) {
        let byte = tail[tail.len() - back];
        let needed = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        // Bytes that can no longer become a valid character are invalid, not incomplete. They are stored unchanged.
        let may_become =
            std::str::from_utf8(&tail[tail.len() - back..]).is_err_and(|error| error.error_len().is_none());
        return if back < needed && may_become { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_a_valid_character_is_incomplete() {
        let table: [(&[u8], usize); 8] = [
            (b"a", 0),
            (b"\xc3", 1),
            (b"\xe2\x82", 2),
            (b"\xf0\x9f\x98", 3),
            (b"\xff", 0),
            (b"\x80\x80\x80\x80", 0),
            (b"\xe0\x80", 0),
            (b"\xc3\xa4", 0),
        ];
        for (bytes, expected) in table {
            assert_eq!(incomplete_character(bytes), expected, "{bytes:?}");
        }
    }
}
