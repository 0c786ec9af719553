//! Delimited text in all its ways.

use std::io::Write;

use anomalyst_data::{Header, ReadOptions};

use super::{cells, names, read, read_with};

#[test]
fn any_delimiter_and_line_end() {
    let text = "size,colour,weight\n1,red,0.5\n2,blue,1.5\n3,red,2.5\n";
    for delimiter in [",", ";", "\t", "|", ":", " ", "  "] {
        for newline in ["\n", "\r\n", "\r"] {
            let (table, _) = read(text.replace(',', delimiter).replace('\n', newline));
            assert_eq!(names(&table), ["size", "colour", "weight"], "{delimiter:?} {newline:?}");
            assert_eq!(cells(&table, "colour"), ["red", "blue", "red"]);
            assert_eq!(cells(&table, "weight"), ["0.5", "1.5", "2.5"]);
        }
    }
    let options = ReadOptions { delimiter: Some(b'^'), ..ReadOptions::default() };
    assert_eq!(cells(&read_with("a^b\n1^2\n3^4\n", &options).unwrap().0, "b"), ["2", "4"]);
}

#[test]
fn compressed_text_is_told_by_its_content() {
    let text = b"a,b\n1,2\n3,4\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text).unwrap();
    for bytes in [gzip.finish().unwrap(), zstd::encode_all(&text[..], 1).unwrap()] {
        assert_eq!(cells(&read(&bytes).0, "b"), ["2", "4"]);
        let cut = read_with(&bytes[..bytes.len() - 5], &ReadOptions::default()).unwrap_err().to_string();
        assert!(cut.contains("cut short"), "{cut}");
    }
}

#[test]
fn quoted_cells_hold_delimiters_quotes_and_lines() {
    let (table, _) = read("name,n\n\"Smith, J.\",1\n\"two\nlines\",2\n\"say \"\"hi\"\"\",3\n");
    assert_eq!(cells(&table, "name"), ["Smith, J.", "two\nlines", "say \"hi\""]);
    let open = read_with("a,b\n1,\"x,y\"\n3,\"4\n5,6\n", &ReadOptions::default()).unwrap_err().to_string();
    assert!(open.contains("line 3") && open.contains("closing quote is missing"), "{open}");
}

#[test]
fn byte_order_marks_and_other_encodings() {
    assert_eq!(names(&read("\u{feff}a,b\n1,2\n").0), ["a", "b"]);
    for big in [false, true] {
        let unit = |u: u16| if big { u.to_be_bytes() } else { u.to_le_bytes() };
        let bytes: Vec<u8> = "\u{feff}city,n\nKöln,1\nBonn,2\n".encode_utf16().flat_map(unit).collect();
        assert_eq!(cells(&read(bytes).0, "city"), ["Köln", "Bonn"]);
    }
    let (table, said) = read(b"city,n\nK\xf6ln,1\nBonn,2\n");
    assert_eq!(cells(&table, "city"), ["Köln", "Bonn"]);
    assert!(
        said.contains("1 pieces of text are not UTF-8; they are read as Windows-1252 (first line 2"),
        "{said}"
    );
}

#[test]
fn ragged_rows_are_counted_with_the_first_line() {
    let (table, said) = read("a,b,c\n1,2,3\n4,5\n6\n7,8,9,10\n11,12,13,\n");
    assert_eq!(cells(&table, "b"), ["2", "5", "", "8", "12"]);
    assert_eq!(cells(&table, "c"), ["3", "", "", "9", "13"]);
    assert!(
        said.contains("2 rows have fewer cells") && said.contains("line 3: `2 cells instead of 3`"),
        "{said}"
    );
    assert!(
        said.contains("1 rows have more cells") && said.contains("line 5: `4 cells instead of 3`"),
        "{said}"
    );
}

#[test]
fn double_empty_and_absent_headers() {
    let (table, said) = read("a,,a\n1,2,3\n4,5,6\n");
    assert_eq!(names(&table), ["a", "column 2", "a_2"]);
    assert!(said.contains("no name") && said.contains("more than once"), "{said}");
    let (table, said) = read("1,2\n3,4\n");
    assert_eq!((names(&table), table.n_rows), (vec!["x1", "x2"], 2));
    assert!(said.contains("no line of names"), "{said}");
    let options = ReadOptions { header: Header::Yes, ..ReadOptions::default() };
    assert_eq!(names(&read_with("1,2\n3,4\n", &options).unwrap().0), ["1", "2"]);
}

#[test]
fn numbers_of_other_countries_by_option() {
    let text = "a;b\n1.234,5;x\n-2.000;y\n3,25;z\n";
    let options = ReadOptions { decimal_comma: true, thousands: Some('.'), ..ReadOptions::default() };
    assert_eq!(cells(&read_with(text, &options).unwrap().0, "a"), ["1234.5", "-2000", "3.25"]);
    let (_, said) = read("a;b\n1,5;x\n2,25;y\n");
    assert!(said.contains("a: looks like numbers with decimal commas; `--decimal-comma`"), "{said}");
    let quoted = "a,b\n\"1,234\",x\n\"5,678,901\",y\n";
    let (_, said) = read(quoted);
    assert!(said.contains("a: looks like numbers with commas between thousands; `--thousands ,`"), "{said}");
    let options = ReadOptions { thousands: Some(','), ..ReadOptions::default() };
    assert_eq!(cells(&read_with(quoted, &options).unwrap().0, "a"), ["1234", "5678901"]);
}

#[test]
fn missing_values_infinities_and_what_is_beyond() {
    let (table, said) = read("a,b\n1,x\nNA,\n?,N/A\nnull,y\n-,none\ninf,x\n-Infinity,x\n1e999,y\n2,x\n");
    assert_eq!(cells(&table, "a"), ["1", "", "", "", "", "", "", "", "2"]);
    assert_eq!(cells(&table, "b"), ["x", "", "", "y", "", "x", "x", "y", "x"]);
    assert!(said.contains("a: 2 cells are infinite; they count as missing (first line 7: `inf`)"), "{said}");
    assert!(said.contains("a: 1 numbers are beyond what 64 bits hold"), "{said}");
    let options = ReadOptions { missing: vec!["-999".into()], ..ReadOptions::default() };
    assert_eq!(cells(&read_with("a\n1\n-999\n3\n", &options).unwrap().0, "a"), ["1", "", "3"]);
}

#[test]
fn what_is_no_table_is_said() {
    let message = |text: &[u8]| read_with(text, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message(b"").contains("the file is empty"));
    assert!(message(b" \n\n").contains("the file is empty"));
    assert!(message(b"a,b\n").contains("no rows below"));
    assert!(message(b"%PDF-1.7\n").contains("PDF"));
    assert!(message(b"a,b\n1,\0\n").contains("zero bytes"));
}
