//! Words of ARFF: bare, or in single or double quotes with backslashes.

/// Takes words out of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens<'a> {
    line: &'a [u8],
}

/// The place of the next byte from `at` on that is no blank.
pub(crate) fn skip_blanks(line: &[u8], at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    (at + rest.iter().take_while(|b| b.is_ascii_whitespace()).count()).min(line.len())
}

impl<'a> Tokens<'a> {
    /// Of this line.
    pub(crate) const fn new(line: &'a [u8]) -> Self {
        Self { line }
    }

    /// The word that begins at `at`, which ends before a blank, comma or brace; and where it ends.
    pub(crate) fn word(&mut self, at: usize) -> (Vec<u8>, usize) {
        self.until(at, |b| b.is_ascii_whitespace() || matches!(b, b',' | b'{' | b'}'))
    }

    /// The cell that begins at `at`, which ends before a comma; and where it ends.
    pub(crate) fn cell(&mut self, at: usize) -> (Vec<u8>, usize) {
        self.until(at, |b| b == b',')
    }

    fn until(&mut self, at: usize, ends: impl Fn(u8) -> bool) -> (Vec<u8>, usize) {
        let line = self.line;
        let Some(&quote) = line.get(at).filter(|&&b| matches!(b, b'\'' | b'"')) else {
            let rest = line.get(at..).unwrap_or_default();
            let n = rest.iter().take_while(|&&b| !ends(b)).count();
            return (rest[..n].trim_ascii().to_vec(), at + n);
        };
        let mut text = Vec::new();
        let mut at = at + 1;
        while let Some(&b) = line.get(at) {
            at += 1;
            match b {
                b'\\' if at < line.len() => {
                    text.push(match line[at] {
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'r' => b'\r',
                        other => other,
                    });
                    at += 1;
                }
                b if b == quote => break,
                b => text.push(b),
            }
        }
        // Whatever stands between the quote and the end belongs to nothing.
        let n = line[at..].iter().take_while(|&&b| !ends(b)).count();
        (text, at + n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_cells() {
        assert_eq!(Tokens::new(b"abc, d").word(0), (b"abc".to_vec(), 3));
        assert_eq!(Tokens::new(b"'it\\'s, x' , d").cell(0), (b"it's, x".to_vec(), 11));
        assert_eq!(Tokens::new(b"a b ,c").cell(0), (b"a b".to_vec(), 4));
        assert_eq!(Tokens::new(b"\"open").cell(0), (b"open".to_vec(), 5));
        assert_eq!(Tokens::new(b"").cell(7), (Vec::new(), 7));
        assert_eq!(skip_blanks(b"a  b", 1), 3);
    }
}
