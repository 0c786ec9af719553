//! Where the elements of a JSON array end.

use crate::records::Cut;

/// Cuts between the elements of an array whose opening bracket was taken away.
#[derive(Debug, Default)]
pub(crate) struct ArrayCut {
    closed: bool,
}

/// What a walk over elements found.
struct Walk {
    /// After the last comma between elements.
    end: Option<usize>,
    /// After the bracket that closes the array.
    close: Option<usize>,
}

fn walk(bytes: &[u8]) -> Walk {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut end = None;
    for (i, &b) in bytes.iter().enumerate() {
        if in_string {
            match b {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match b {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b']' => return Walk { end, close: Some(i + 1) },
            b',' if depth == 0 => end = Some(i + 1),
            _ => {}
        }
    }
    Walk { end, close: None }
}

impl Cut for ArrayCut {
    fn cut(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.closed {
            return None;
        }
        let walk = walk(bytes);
        self.closed = walk.close.is_some();
        walk.close.or(walk.end)
    }

    fn unfinished(&self, rest: &[u8]) -> Option<(usize, String)> {
        if !self.closed {
            return Some((
                rest.len(),
                "the array ends without its closing bracket; the file is cut short".to_owned(),
            ));
        }
        let text = rest.iter().position(|b| !b.is_ascii_whitespace())?;
        Some((text, "text after the end of the array".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_end_outside_of_strings_and_brackets() {
        let cut = |text: &str| ArrayCut::default().cut(text.as_bytes());
        assert_eq!(cut(r#"{"a": "},\"{", "b": [1, 2]}, {"#), Some(28));
        assert_eq!(cut(r#"{"a": 1"#), None);
        assert_eq!(cut("{}]\n"), Some(3));
    }

    #[test]
    fn what_follows_the_array() {
        let mut cut = ArrayCut::default();
        assert!(cut.unfinished(b"").is_some());
        cut.cut(b"{}]");
        assert!(cut.unfinished(b" \n").is_none());
        assert_eq!(cut.unfinished(b" x").unwrap().0, 1);
    }
}
