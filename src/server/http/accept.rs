//! Lists of what a client likes: `Accept`, `Accept-Encoding` (RFC 9110, 12.4.2).

/// Returns what a list names, each with how well it is liked, from 0, which refuses it, to 1.
pub(super) fn liked(list: &str) -> impl Iterator<Item = (&str, f32)> {
    list.split(',').map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        (name, quality.map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_how_well_each_of_its_items_is_liked() {
        let list = "text/plain;charset=utf-8; q=0.5 ,gzip; q= 0,*/*, br;q=x";
        let expected = [("text/plain", 0.5), ("gzip", 0.0), ("*/*", 1.0), ("br", 0.0)];
        assert_eq!(liked(list).collect::<Vec<_>>(), expected);
    }
}
