//! The part of an ARFF file before its data: names and types of attributes.

use std::io::Read;

use anomalyst_core::Result;

use super::tokens::{Tokens, skip_blanks};
use crate::input::Input;
use crate::observe::Declared;
use crate::text::decode;

/// A line of the header may not be longer than this; nominal attributes list all their values in one.
const MAX_LINE: usize = 16 << 20;
/// The header may not be longer than this.
const MAX_HEADER: usize = 256 << 20;

/// One attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attribute {
    /// As written, without quotes.
    pub(crate) name: String,
    /// Its type.
    pub(crate) kind: Kind,
}

/// The type of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// `numeric`, `real`, `integer`.
    Number,
    /// One of listed values, of which the first stands where a sparse row says nothing.
    Nominal(Vec<u8>),
    /// Anything.
    String,
    /// A date.
    Date,
}

impl Kind {
    /// What inference is told of it.
    pub(crate) const fn declared(&self) -> Option<Declared> {
        match self {
            Self::Number => Some(Declared::Number),
            Self::Nominal(_) => Some(Declared::Category),
            Self::String | Self::Date => None,
        }
    }

    /// The value of a cell that a sparse row leaves out.
    pub(crate) fn unsaid(&self) -> &[u8] {
        match self {
            Self::Number => b"0",
            Self::Nominal(first) => first,
            Self::String | Self::Date => b"",
        }
    }
}

/// Reads up to and including the line `@data`; gives the attributes and how many lines that were.
pub(crate) fn read(input: &Input, stream: &mut dyn Read) -> Result<(Vec<Attribute>, u64)> {
    let mut attributes = Vec::new();
    let (mut line, mut n_lines, mut n_bytes) = (Vec::new(), 0, 0);
    loop {
        line.clear();
        n_lines += 1;
        let ended = read_line(input, stream, &mut line, n_lines)?;
        n_bytes += line.len();
        let text = line.trim_ascii();
        let (word, rest) = text.split_at(text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len()));
        match word.to_ascii_lowercase().as_slice() {
            b"@data" if attributes.is_empty() => {
                return Err(input.bad_line(n_lines, "the data begins here, but no @attribute came before"));
            }
            b"@data" => return Ok((attributes, n_lines)),
            b"@attribute" => {
                attributes.push(attribute(rest).map_err(|reason| input.bad_line(n_lines, reason))?);
                input.refuse_too_wide(attributes.len())?;
            }
            b"@relation" | b"" => {}
            word if word.starts_with(b"%") => {}
            word => {
                let word = decode(&word[..word.len().min(40)]).into_owned();
                return Err(
                    input.bad_line(n_lines, format!("`{word}` is neither @relation, @attribute nor @data"))
                );
            }
        }
        if ended || n_bytes > MAX_HEADER {
            return Err(input.bad_line(n_lines, "the header ends without @data"));
        }
    }
}

/// Appends a line to `line`; whether the stream ended with it.
fn read_line(input: &Input, stream: &mut dyn Read, line: &mut Vec<u8>, number: u64) -> Result<bool> {
    let mut byte = [0];
    loop {
        match stream.read(&mut byte) {
            Ok(0) => return Ok(true),
            Ok(_) if byte[0] == b'\n' => return Ok(false),
            Ok(_) if line.len() >= MAX_LINE => {
                return Err(input.bad_line(
                    number,
                    format!("this line of the header is longer than {} MiB, the limit", MAX_LINE >> 20),
                ));
            }
            Ok(_) => line.push(byte[0]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(input.failed(e)),
        }
    }
}

fn attribute(text: &[u8]) -> std::result::Result<Attribute, String> {
    let mut at = skip_blanks(text, 0);
    let mut tokens = Tokens::new(text);
    let (name, end) = tokens.word(at);
    at = skip_blanks(text, end);
    if name.is_empty() && at >= text.len() {
        return Err("an attribute needs a name and a type".into());
    }
    let name = decode(&name).trim().to_owned();
    let kind = &text[at..];
    if kind.first() == Some(&b'{') {
        let (first, _) = tokens.word(skip_blanks(text, at + 1));
        return Ok(Attribute { name, kind: Kind::Nominal(first) });
    }
    let word = kind.split(u8::is_ascii_whitespace).next().unwrap_or_default().to_ascii_lowercase();
    let kind = match word.as_slice() {
        b"numeric" | b"real" | b"integer" => Kind::Number,
        b"string" => Kind::String,
        b"date" => Kind::Date,
        b"relational" => {
            return Err(format!("attribute `{name}` is relational, which is no table; flatten it first"));
        }
        word => {
            let word = decode(&word[..word.len().min(40)]).into_owned();
            return Err(format!(
                "attribute `{name}` has the unknown type `{word}`; known are numeric, real, integer, string, date and {{a, b, ...}}"
            ));
        }
    };
    Ok(Attribute { name, kind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn header(text: &str) -> Result<(Vec<Attribute>, u64)> {
        read(&Input::memory("t", Arc::from(&b""[..])), &mut text.as_bytes())
    }

    #[test]
    fn attributes_of_all_types() {
        let text = "% made\n@RELATION 'x y'\n\n@attribute 'a b' {'r d',g}\r\n@attribute c REAL\n@attribute \"d\"\tstring\n@attribute e date 'yyyy-MM-dd'\n@data\n1\n";
        let (attributes, n_lines) = header(text).unwrap();
        let expected = [
            ("a b", Kind::Nominal(b"r d".to_vec())),
            ("c", Kind::Number),
            ("d", Kind::String),
            ("e", Kind::Date),
        ];
        let expected = expected.map(|(name, kind)| Attribute { name: name.into(), kind });
        assert_eq!((&attributes[..], n_lines), (&expected[..], 8));
    }

    #[test]
    fn faults_name_their_line() {
        let message = |text: &str| header(text).unwrap_err().to_string();
        assert!(
            message("@relation x\n@attribute a complex\n")
                .starts_with("t, line 2: attribute `a` has the unknown type")
        );
        assert!(message("@relation x\n@data\n").contains("no @attribute"));
        assert!(message("@relation x\n@attribute a real\n").contains("without @data"));
        assert!(message("@relation x\nhello\n").contains("`hello`"));
    }
}
