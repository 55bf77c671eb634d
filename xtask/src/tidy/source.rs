//! Rust source with all that is no code, or only test code, blanked out.

/// The code of a file: comments, the contents of literals, and items under `#[cfg(test)]` are
/// blanks. Lines stay where they were.
pub(super) fn code(text: &str) -> String {
    let mut code = without_literals(text);
    while let Some(start) = find_test_attribute(&code) {
        let end = end_of_item(&code, start + TEST_ATTRIBUTE.len());
        blank(&mut code, start, end);
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// The names of the modules that a file declares, in files of their own, for tests only.
pub(super) fn test_modules(text: &str) -> Vec<String> {
    let mut code = without_literals(text);
    let mut names = Vec::new();
    while let Some(start) = find_test_attribute(&code) {
        let end = end_of_item(&code, start + TEST_ATTRIBUTE.len());
        let item = String::from_utf8_lossy(&code[start..end]).into_owned();
        if let Some((_, rest)) = item.split_once("mod ")
            && let Some(name) = rest.trim().strip_suffix(';')
        {
            names.push(name.to_owned());
        }
        blank(&mut code, start, end);
    }
    names
}

const TEST_ATTRIBUTE: &[u8] = b"#[cfg(test)]";

fn find_test_attribute(code: &[u8]) -> Option<usize> {
    code.windows(TEST_ATTRIBUTE.len())
        .position(|window| window == TEST_ATTRIBUTE)
}

/// Where the item that begins at `at` ends: after its `;`, or after the brace that closes its body.
fn end_of_item(code: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(octet) = code.get(at) {
        at += 1;
        match octet {
            b'{' | b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            b';' if depth == 0 => return at,
            _ => {}
        }
    }
    at
}

fn without_literals(text: &str) -> Vec<u8> {
    let mut code = text.as_bytes().to_vec();
    let mut at = 0;
    while at < code.len() {
        let rest = &code[at..];
        let previous_is_word = at > 0 && is_word(code[at - 1]);
        let (quoted, length) = if rest.starts_with(b"//") {
            (
                true,
                rest.iter()
                    .position(|octet| *octet == b'\n')
                    .unwrap_or(rest.len()),
            )
        } else if rest.starts_with(b"/*") {
            (true, block_comment(rest))
        } else if rest[0] == b'"' {
            (true, string(rest))
        } else if rest[0] == b'\'' {
            character(rest).map_or((false, 1), |length| (true, length))
        } else if !previous_is_word && let Some(length) = raw_string(rest) {
            (true, length)
        } else {
            (false, 1)
        };
        if quoted {
            blank(&mut code, at, at + length);
        }
        at += length;
    }
    code
}

fn blank(code: &mut [u8], start: usize, end: usize) {
    for octet in &mut code[start..end] {
        if *octet != b'\n' {
            *octet = b' ';
        }
    }
}

pub(super) fn is_word(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'_'
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Length of the string literal, with escapes, that `rest` begins with.
fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of the character literal that `rest` begins with; none for a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        let end = rest.iter().skip(3).position(|octet| *octet == b'\'')?;
        return Some(end + 4);
    }
    let text = std::str::from_utf8(&rest[1..rest.len().min(5)]);
    let text = text.unwrap_or_else(|error| {
        std::str::from_utf8(&rest[1..=error.valid_up_to()]).unwrap_or_default()
    });
    let length = text.chars().next()?.len_utf8();
    (rest.get(1 + length) == Some(&b'\'')).then_some(length + 2)
}

/// Length of the raw string that `rest` begins with, its prefix included.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let prefix = [&b"r"[..], b"br", b"cr"]
        .into_iter()
        .find(|prefix| rest.starts_with(prefix))?;
    let hashes = rest[prefix.len()..]
        .iter()
        .take_while(|octet| **octet == b'#')
        .count();
    let open = prefix.len() + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'#'; hashes + 1];
    close[0] = b'"';
    let end = rest[open + 1..]
        .windows(close.len())
        .position(|window| window == close);
    Some(end.map_or(rest.len(), |end| open + 1 + end + close.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank_and_lines_stay() {
        let text = "a // Mutex\n/* Mutex /* Mutex */\nMutex */ b \"Mutex \\\" Mutex\n\" c\nr#\"Mutex \" Mutex\"# d";
        let code = code(text);
        assert!(!code.contains("Mutex"), "{code}");
        assert_eq!(code.lines().count(), text.lines().count());
        assert_eq!(code.split_whitespace().collect::<String>(), "abcd");
    }

    #[test]
    fn lifetimes_are_no_literals_and_quotes_in_characters_open_none() {
        let code = code("fn f<'a>(x: &'a str) { ['\"', '\\'', '\\u{1F600}', 'é', b'x'] } Mutex");
        assert!(code.contains("Mutex") && code.contains("'a str"), "{code}");
    }

    #[test]
    fn items_for_tests_are_blank_and_what_follows_is_not() {
        let code = code(
            "one();\n#[cfg(test)]\nuse a::{b};\n#[cfg(test)]\nmod tests {\n fn f() { Mutex }\n}\ntwo();",
        );
        assert!(!code.contains("Mutex"), "{code}");
        assert!(code.contains("one();") && code.contains("two();"), "{code}");
    }

    #[test]
    fn modules_of_tests_in_files_of_their_own_are_named() {
        let text = "#[cfg(test)]\nmod simulation;\nmod real;\n#[cfg(test)]\n#[allow(x)]\npub(crate) mod more;\n#[cfg(test)]\nmod here {}";
        assert_eq!(test_modules(text), ["simulation", "more"]);
    }
}
