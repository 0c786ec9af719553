//! Whatever a person feeds it: a clear error or a stated handling, the documented exit status, nothing half written.

mod support;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::process::Stdio;

use support::{Folder, sample_csv};

#[test]
fn empty_file() {
    Folder::new().with("t.csv", "").run("scan t.csv").fails(1, &["t.csv", "empty"]);
}

#[test]
fn header_only() {
    Folder::new().with("t.csv", "a,b,c\n").run("scan t.csv").fails(1, &["t.csv", "row"]);
}

#[test]
fn one_row() {
    let ran = Folder::new().with("t.csv", "a,b\n1,2\n").run("scan t.csv");
    ran.fails(1, &["row"]);
}

#[test]
fn one_column() {
    let mut text = String::from("x\n");
    (0..200).for_each(|i| writeln!(text, "{}", if i == 50 { 900.0 } else { f64::from(i % 17) }).unwrap());
    let json = Folder::new().with("t.csv", text).run("scan t.csv --json").ok().json();
    assert_eq!(json["findings"][0]["name"], "51");
}

#[test]
fn all_constant() {
    let text = format!("a,b\n{}", "1,x\n".repeat(100));
    Folder::new().with("t.csv", text).run("scan t.csv").fails(1, &["column"]);
}

#[test]
fn all_missing() {
    let text = format!("a,b\n{}", "NA,\n".repeat(100));
    Folder::new().with("t.csv", text).run("scan t.csv").fails(1, &["column"]);
}

#[test]
fn all_text() {
    let mut text = String::from("note\n");
    (0..200).for_each(|i| {
        writeln!(text, "A long remark number {i} that nobody wrote twice and that says little").unwrap()
    });
    Folder::new().with("t.csv", text).run("scan t.csv").fails(1, &["text"]);
}

#[test]
fn a_hundred_thousand_columns() {
    let mut text = (0..100_000).map(|i| format!("c{i}")).collect::<Vec<_>>().join(",");
    for row in 0..12_u64 {
        text.push('\n');
        text.push_str(
            &(0..100_000_u64)
                .map(|i| ((i * 7 + row * (i % 13 + 1)) % 10).to_string())
                .collect::<Vec<_>>()
                .join(","),
        );
    }
    text.push('\n');
    let json = Folder::new().with("t.csv", text).run("scan t.csv --method ecod --json").ok().json();
    assert_eq!(json["source"]["n_columns"], 100_000);
}

#[test]
fn a_single_line_of_a_gigabyte() {
    let folder = Folder::new();
    let mut file = std::fs::File::create(folder.path("t.csv")).unwrap();
    file.write_all(b"a,b\n").unwrap();
    std::io::copy(&mut std::io::repeat(b'x').take(1 << 30), &mut file).unwrap();
    folder.run("scan t.csv").fails(1, &["t.csv", "line 2", "MiB"]);
}

#[test]
fn binary_rubbish() {
    let bytes: Vec<u8> = (0..50_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    Folder::new().with("t.csv", bytes).run("scan t.csv").fails(1, &["t.csv"]);
}

#[test]
fn wrong_extension() {
    let folder = Folder::new().with("t.csv", sample_csv(100));
    folder.run("scan t.csv --out scored.parquet").ok();
    std::fs::rename(folder.path("scored.parquet"), folder.path("scored.csv")).unwrap();
    let ran = folder.run("scan scored.csv --ignore verdict,severity --json").ok();
    assert!(ran.json()["source"]["format"].as_str().unwrap().contains("parquet"));
    std::fs::rename(folder.path("t.csv"), folder.path("t.parquet")).unwrap();
    folder.run("scan t.parquet").ok();
}

#[test]
fn missing_file() {
    let folder = Folder::new().with("sales.csv", sample_csv(10));
    folder.run("scan sale.csv").fails(1, &["sale.csv", "sales.csv"]);
    folder.run("scan none*.csv").fails(1, &["none*.csv"]);
    folder.run("score sales.csv --model none.anomalyst").fails(1, &["none.anomalyst"]);
}

#[test]
fn directory() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("empty")).unwrap();
    folder.run("scan empty").fails(1, &["empty"]);
    std::fs::create_dir(folder.path("parts")).unwrap();
    std::fs::write(folder.path("parts/a.csv"), sample_csv(60)).unwrap();
    std::fs::write(folder.path("parts/b.csv"), sample_csv(40)).unwrap();
    assert_eq!(folder.run("scan parts --json").ok().json()["source"]["n_rows"], 100);
    let ran = Folder::new().with("t.csv", sample_csv(60));
    std::fs::create_dir(ran.path("out.csv")).unwrap();
    ran.run("scan t.csv --out out.csv").fails(1, &["out.csv"]);
}

#[cfg(unix)]
#[test]
fn unreadable_permission() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new().with("t.csv", sample_csv(20));
    std::fs::set_permissions(folder.path("t.csv"), std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(folder.path("t.csv")).is_ok() {
        // The superuser may read everything, so there is nothing to see here.
        folder.run("scan t.csv").ok();
    } else {
        folder.run("scan t.csv").fails(1, &["t.csv", "ermission"]);
    }
}

#[test]
fn label_with_one_class() {
    let mut text = String::from("x,y,is_odd\n");
    (0..100).for_each(|i| writeln!(text, "{},{},0", i % 17, i % 23).unwrap());
    let folder = Folder::new().with("t.csv", text);
    folder.run("scan t.csv --label is_odd").ok();
    folder.run("scan t.csv --label is_odd --from-labels").fails(1, &["0 anomalous"]);
    folder.run("scan t.csv --label nope").fails(2, &["nope"]);
    folder.run("scan t.csv --label x").fails(1, &["x"]);
}

#[test]
fn duplicate_ids() {
    let mut text = String::from("id,x,y\n");
    (0..100).for_each(|i| writeln!(text, "r{},{},{}", i / 2, i % 17, i % 23).unwrap());
    let ran = Folder::new().with("t.csv", text).run("scan t.csv --id id --json").ok();
    assert!(ran.notices().contains("id"), "{}", ran.notices());
}

#[test]
fn columns_named_like_ours() {
    let text = sample_csv(100).replacen("length,width,weight,color", "score,p_value,verdict,item", 1);
    let folder = Folder::new().with("t.csv", text);
    folder.run("scan t.csv --out o.csv").ok();
    assert!(
        folder
            .read("o.csv")
            .starts_with("item,score,p_value,probability,confidence,verdict,severity,reason\n")
    );
}

#[test]
fn infinities_and_numbers_beyond_f64() {
    let mut text = String::from("x,y\n");
    (0..100).for_each(|i| writeln!(text, "{}.5,{}", i % 17, i % 23).unwrap());
    text.push_str("inf,1\n1e999,2\nNaN,3\n-Infinity,4\n");
    let folder = Folder::new().with("t.csv", text);
    let ran = folder.run("scan t.csv --json").ok();
    assert!(ran.notices().contains('x'), "{}", ran.notices());
    folder.run("scan t.csv --strict").fails(1, &["strict", "x"]);
}

#[test]
fn extreme_numbers_do_not_overflow() {
    let mut text = String::from("x,y\n");
    (0..100).for_each(|i| writeln!(text, "{},{}", i % 17, i % 23).unwrap());
    text.push_str("1e308,-1e308\n5e-324,1e300\n");
    Folder::new().with("t.csv", text).run("scan t.csv").ok();
}

#[test]
fn a_broken_pipe_is_no_failure() {
    let folder = Folder::new().with("t.csv", sample_csv(3000));
    let mut child = folder
        .command(&["scan", "t.csv", "--show", "3000", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked") && output.status.code() == Some(0), "{stderr}");
}

/// A file size limit makes writes fail in the middle, as a full disk does.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let folder = Folder::new().with("t.csv", sample_csv(3000)).with("old.csv", "old");
    for (out, arguments) in
        [("new.csv", "--out new.csv"), ("old.csv", "--out old.csv"), ("r.html", "--report r.html")]
    {
        let script = format!("trap '' XFSZ; ulimit -f 8; exec \"$0\" scan t.csv --quiet {arguments}");
        let binary = env!("CARGO_BIN_EXE_anomalyst");
        let output = std::process::Command::new("bash")
            .args(["-c", &script, binary])
            .current_dir(folder.path(""))
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(out) && !stderr.contains("panicked"), "{stderr}");
        assert_eq!(folder.names(), ["old.csv", "t.csv"], "nothing half written may stay");
        assert_eq!(folder.read("old.csv"), "old");
    }
}

#[test]
fn writing_to_a_full_device_is_said() {
    if !std::path::Path::new("/dev/full").exists() {
        return; // Only some systems have it.
    }
    let folder = Folder::new().with("t.csv", sample_csv(100));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = folder.command(&["scan", "t.csv"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn ragged_duplicate_and_odd_headers() {
    let text = "a,a,,b\n1,2,3,4\n5,6\n7,8,9,10,11\n".to_owned() + &"1,2,3,4\n2,3,4,5\n4,5,1,3\n".repeat(30);
    let ran = Folder::new().with("t.csv", text).run("scan t.csv --json").ok();
    let notices = ran.notices();
    assert!(notices.contains("line 3") && notices.contains("line 4"), "{notices}");
}

#[test]
fn other_encodings_separators_and_marks() {
    let rows = "Größe;Höhe\n".to_owned()
        + &(0..80).map(|i| format!("{},5;{}\n", i % 17, i % 23)).collect::<String>();
    let folder = Folder::new()
        .with("latin.csv", rows.chars().map(|c| c as u32 as u8).collect::<Vec<u8>>())
        .with("bom.csv", format!("\u{feff}{rows}"));
    for name in ["latin.csv", "bom.csv"] {
        let ran = folder.run(&format!("scan {name} --decimal-comma --json")).ok();
        assert_eq!(ran.json()["source"]["n_used"], 2, "{}", ran.stdout);
    }
}

#[test]
fn standard_input_and_compression() {
    let folder = Folder::new().with("t.csv", sample_csv(100));
    let json = folder.run_with_input("scan - --json", sample_csv(100).as_bytes()).ok().json();
    assert_eq!(json["source"]["n_rows"], 100);
    folder.run_with_input("scan -", b"").fails(1, &["empty"]);
}

#[test]
fn damaged_model_files_are_refused() {
    let folder = Folder::new().with("t.csv", sample_csv(200));
    folder.run("fit t.csv --model m --method hbos").ok();
    let good = std::fs::read(folder.path("m")).unwrap();
    let header = 8 + u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(folder.path("bad"), bytes).unwrap();
        let ran = folder.run("score t.csv --model bad");
        assert!(
            ran.status == 1 && ran.stderr.contains("bad") && !ran.stderr.contains("panicked"),
            "{what}: {}",
            ran.stderr
        );
    };
    // In process every byte is tried (model_file.rs); here a spread of them goes through the command.
    for at in (0..header).step_by(header / 40 + 1) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        let same =
            anomalyst::model_file::from_bytes(&bad).ok() == anomalyst::model_file::from_bytes(&good).ok();
        if !same {
            refused(&bad, &format!("byte {at} of the header"));
        }
    }
    for part in 0..64 {
        refused(&good[..good.len() * part / 64], &format!("cut to {part}/64"));
    }
    refused(b"PK\x03\x04 not a model", "foreign");
}
