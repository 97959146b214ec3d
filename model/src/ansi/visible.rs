//! Determines which characters are shown.

/// Returns whether a character is shown unchanged. `before` is the character before it: zero-width joiners and
/// non-joiners are shown only after a non-ASCII character, where they may affect the appearance.
pub(super) fn is_shown(character: char, before: char) -> bool {
    match character {
        ' '..='~' | '\t' => true,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{180e}'
        | '\u{3164}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => false,
        '\u{200c}' | '\u{200d}' => !before.is_ascii(),
        _ => true,
    }
}
