//! Every layout from small files that are made here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where something fails")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anomalyst::core::{Label, Run};
use anomalyst_bench::suite::{
    Found, ImageSet, Kind, LabelledSeries, LabelledSet, Layout, SetRef, Split, discover, load_suite, read,
};
use tempfile::TempDir;

fn write(root: &TempDir, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = root.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn packed(text: &str) -> Vec<u8> {
    let mut bytes = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    bytes.write_all(text.as_bytes()).unwrap();
    bytes.finish().unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn found(kind: Kind, path: &Path) -> Found {
    discover(kind, &[text(path)]).unwrap()
}

fn names(found: &Found) -> Vec<&str> {
    found.sets.iter().map(|set| set.name.as_str()).collect()
}

fn series(set: &SetRef) -> LabelledSeries {
    match read(set, &Run::new(0)).unwrap() {
        LabelledSet::Series(series) => series,
        other => panic!("{other:?}"),
    }
}

fn one(kind: Kind, path: &Path) -> SetRef {
    let mut found = found(kind, path);
    assert_eq!(found.sets.len(), 1);
    found.sets.remove(0)
}

fn marked(series: &LabelledSeries) -> Vec<usize> {
    (0..series.labels.len()).filter(|&i| series.labels[i]).collect()
}

fn told(set: &SetRef) -> String {
    read(set, &Run::new(0)).unwrap_err().to_string()
}

/// A NumPy array of format 1.
fn npy(descr: &str, shape: &str, fortran: bool, cells: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(cells);
    bytes
}

fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn train_and_test_follow_each_other() {
    let root = TempDir::new().unwrap();
    let arrays = [
        ("train", npy("<f4", "(2, 2)", true, &floats(&[1.0, 3.0, 2.0, 4.0]))),
        ("test", npy("<f4", "(2, 2)", false, &floats(&[5.0, 6.0, 7.0, 8.0]))),
        ("test_label", npy("|u1", "(2,)", false, &[0, 1])),
    ];
    write(&root, "SMAP/A-1.npz", npz(&arrays));
    write(&root, "SMAP/A-2.npz", npz(&arrays[..2]));
    write(&root, "labeled_anomalies.csv", "chan_id,spacecraft\nA-1,SMAP\n");
    let found = found(Kind::Series, root.path());
    assert_eq!(names(&found), ["SMAP/A-1"]);
    assert_eq!(found.skipped.len(), 2);
    assert!(found.skipped[0].1.contains("test_label"), "{:?}", found.skipped);
    let series = series(&found.sets[0]);
    assert_eq!(series.values.iter().copied().collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    assert_eq!((marked(&series), series.train_end), (vec![3], 2));
    let mut short = arrays.to_vec();
    short[2].1 = npy("|u1", "(1,)", false, &[0]);
    write(&root, "SMAP/A-1.npz", npz(&short));
    assert!(told(&found.sets[0]).contains("test has 2 points, but test_label 1 labels"));
}

#[test]
fn ucr_counts_from_one_and_tsb_uad_has_its_labels() {
    let root = TempDir::new().unwrap();
    let lines: String = (0..20).map(|i| format!("   {i}.5e+00\n")).collect();
    let path = write(&root, "1_UCR_Anomaly_x_5_8_10.txt.gz", packed(&lines));
    let set = one(Kind::Series, &path);
    assert_eq!((set.name.as_str(), &set.layout), ("1_UCR_Anomaly_x_5_8_10", &Layout::Ucr));
    let ucr = series(&set);
    assert_eq!((marked(&ucr), ucr.train_end, ucr.values.dim()), (vec![7, 8, 9], 5, (20, 1)));
    // Some files of the archive have all values in one line.
    let path = write(&root, "2_UCR_Anomaly_x_5_8_10.txt", lines.replace('\n', " "));
    assert_eq!(series(&one(Kind::Series, &path)), ucr);
    let path = write(&root, "3_UCR_Anomaly_x_5_8_21.txt", &lines);
    assert!(told(&one(Kind::Series, &path)).contains("points 8 to 21"));
    let path = write(&root, "4_UCR_Anomaly_x_2_3_4.out", "1.5,0\n2,0\n3,0.0\n4,1.0\n");
    let set = one(Kind::Series, &path);
    assert_eq!(set.layout, Layout::TsbUad);
    let uad = series(&set);
    assert_eq!((marked(&uad), uad.train_end, uad.values[[0, 0]]), (vec![3], 2, 1.5));
}

#[test]
fn nab_windows_hold_both_ends() {
    let root = TempDir::new().unwrap();
    let lines: String = (0..10).map(|i| format!("2014-04-01 00:0{i}:00,{i}\n")).collect();
    let windows = |ends: &str| format!("{{\"g/a.csv\": [{ends}], \"g/b.csv\": []}}");
    let window = "[\"2014-04-01 00:02:00.000000\", \"2014-04-01 00:04:00.000000\"]";
    let file = write(&root, "combined_windows.json", windows(window));
    for name in ["g/a.csv.gz", "g/b.csv.gz", "g/c.csv.gz"] {
        write(&root, name, packed(&format!("timestamp,value\n{lines}")));
    }
    let found = found(Kind::Series, root.path());
    assert_eq!(names(&found), ["g/a", "g/b"]);
    assert!(found.skipped.iter().any(|(path, why)| path.ends_with("g/c.csv.gz") && why.contains("nothing")));
    let a = series(&found.sets[0]);
    assert_eq!((marked(&a), a.train_end, a.values.dim()), (vec![2, 3, 4], 1, (10, 1)));
    assert_eq!(a.times.unwrap()[1], 1_396_310_460.0);
    assert!(marked(&series(&found.sets[1])).is_empty());
    for (ends, what) in [
        ("[\"2014-04-01 00:04:00\", \"2014-04-01 00:02:00\"]".to_owned(), "g/a.csv ends before it begins"),
        (format!("{window}, {window}"), "g/a.csv overlaps another one"),
        ("[\"soon\", \"later\"]".to_owned(), "the window soon to later of g/a.csv is no pair of times"),
    ] {
        fs::write(&file, windows(&ends)).unwrap();
        let message = told(&found.sets[0]);
        assert!(message.contains(what) && message.contains("combined_windows.json"), "{message}");
    }
}

#[test]
fn columns_of_labels_are_no_channels() {
    let root = TempDir::new().unwrap();
    let path = write(&root, "001_x_tr_2_1st_3.csv", "Data,Label\n1,0\n2,0\n3,1\n");
    let set = one(Kind::Series, &path);
    let ad = series(&set);
    assert_eq!(
        (&set.layout, marked(&ad), ad.train_end, ad.values.dim()),
        (&Layout::TsbAd, vec![2], 2, (3, 1))
    );
    let path = write(&root, "timed.csv", "timestamp,a,b,label\n10,1,2,0\n20,3,4,1\n");
    let timed = series(&one(Kind::Series, &path));
    assert_eq!((timed.values.dim(), timed.times), ((2, 2), Some(vec![10.0, 20.0])));
    let header = "datetime;a;b;anomaly;changepoint\n";
    let rows = "2020-03-09 10:00:00;1;2;0.0;0.0\n2020-03-09 10:00:01;3;;1.0;1.0\n";
    write(&root, "skab/other/1.csv.gz", packed(&format!("{header}{rows}")));
    write(&root, "skab/anomaly-free/anomaly-free.csv", "datetime;a;b\n2020-03-09 10:00:00;1;2\n");
    let found = found(Kind::Series, &root.path().join("skab"));
    assert_eq!((names(&found), found.skipped.len()), (vec!["other/1"], 1));
    let skab = series(&found.sets[0]);
    assert_eq!((skab.values.dim(), marked(&skab), skab.train_end), ((2, 2), vec![1], 0));
    assert!(skab.values[[1, 1]].is_nan());
    assert_eq!(skab.times.map(|t| t[1] - t[0]), Some(1.0));
    let path = write(&root, "bad.csv", "a,Label\n1,0\nx,1\n");
    assert!(told(&one(Kind::Series, &path)).contains("line 3, column a: `x` is no number"));
    let path = write(&root, "bad.csv", "a,Label\n1,0\n1,2\n");
    assert!(told(&one(Kind::Series, &path)).contains("`2` is no label"));
}

#[test]
fn time_eval_takes_its_training_file() {
    let root = TempDir::new().unwrap();
    write(&root, "a.test.csv", "timestamp,v,w,is_anomaly\n3,1,2,0\n4,3,4,1\n");
    write(&root, "a.train.csv", "timestamp,v,w,is_anomaly\n1,5,6,0\n2,7,8,0\n");
    let set = one(Kind::Series, root.path());
    assert_eq!(set.layout, Layout::TimeEval);
    let series = series(&set);
    assert_eq!((series.values.dim(), marked(&series), series.train_end), ((4, 2), vec![3], 2));
    assert_eq!(series.times.unwrap(), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn smd_as_text() {
    let root = TempDir::new().unwrap();
    write(&root, "smd/train/machine-1-1.txt", "1,2\n3,4\n");
    write(&root, "smd/test/machine-1-1.txt", "5,6\n7,8\n9,0\n");
    write(&root, "smd/test_label/machine-1-1.txt", "0\n1\n0\n");
    write(&root, "smd/interpretation_label/machine-1-1.txt", "1-1:1,2\n");
    let set = one(Kind::Series, &root.path().join("smd"));
    assert_eq!((set.name.as_str(), &set.layout), ("machine-1-1", &Layout::SmdText));
    assert_eq!(one(Kind::Series, root.path()).name, "smd/machine-1-1");
    let series = series(&set);
    assert_eq!((series.values.dim(), marked(&series), series.train_end), ((5, 2), vec![3], 2));
}

#[test]
fn tables_have_labels_and_no_label_features() {
    let root = TempDir::new().unwrap();
    let row = |i: u32| format!("{i},{}.5,{}\n", i * 7 % 11, u8::from(i.is_multiple_of(10)));
    let rows: String = (0..40).map(row).collect();
    write(&root, "csv/exp.1_v2.csv", format!("id,a,outlier\n{rows}"));
    write(&root, "csv/plain.csv", "a,b\n1,2\n3,4\n");
    let arff = "@relation r\n@attribute a numeric\n@attribute Class {normal,attack}\n@data\n1,normal\n2,attack\n3,normal\n";
    write(&root, "b.arff.gz", packed(arff));
    let cells: Vec<f32> = (0..6).map(|v| v as f32).collect();
    let labels = npy("|u1", "(3,)", false, &[0, 0, 1]);
    let arrays = [("X", npy("<f4", "(3, 2)", false, &floats(&cells))), ("y", labels)];
    write(&root, "1_x.npz", npz(&arrays));
    write(&root, "e.ascii", "# text\n0.25 0.5 Cluster1\n0.5 0.75 Cluster2\n9 9 Noise\n0.1 0.2 Cluster1\n");
    let found = found(Kind::Table, root.path());
    assert_eq!(names(&found), ["1_x", "b", "csv/exp.1_v2", "e"]);
    assert_eq!(found.skipped.len(), 1);
    for (set, wanted) in found.sets.iter().zip([(3, 2, 1), (3, 1, 1), (40, 1, 4), (4, 2, 1)]) {
        let LabelledSet::Table(table) = read(set, &Run::new(0)).unwrap() else { panic!("no table") };
        let used = table.schema().columns.iter().filter(|column| column.used).count();
        let odd = table.labels.unwrap().iter().filter(|&&label| label == Label::Anomalous).count();
        assert_eq!((table.n_rows, used, odd), wanted, "{}", set.name);
    }
}

fn images(set: &SetRef) -> ImageSet {
    match read(set, &Run::new(0)).unwrap() {
        LabelledSet::Images(images) => images,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pictures_in_folders_and_lists() {
    let root = TempDir::new().unwrap();
    let bottle = ["train/good/0", "test/good/1", "test/hole/2", "test/hole/3", "ground_truth/hole/2_mask"];
    for name in bottle {
        write(&root, &format!("mvtec/bottle/{name}.png"), "");
    }
    let list = "path,split,label,mask,kind\nb.png,test,1,m.png,crack\n../a.png,train,0,,\n";
    let list = write(&root, "lists/mtd.csv", list);
    let set = one(Kind::Image, &root.path().join("mvtec"));
    assert_eq!((set.name.as_str(), &set.layout), ("bottle", &Layout::ImageFolder));
    let folder = images(&set).entries;
    let odd: Vec<(bool, bool, &str)> =
        folder.iter().map(|e| (e.anomalous, e.mask.is_some(), e.defect.as_str())).collect();
    assert_eq!(odd, [(false, false, ""), (false, false, ""), (true, true, "hole"), (true, false, "hole")]);
    let set = one(Kind::Image, &list);
    assert_eq!((set.name.as_str(), &set.layout), ("mtd", &Layout::ImageList));
    let listed = images(&set).entries;
    assert_eq!((listed[0].split, listed[0].anomalous), (Split::Train, false));
    assert_eq!(listed[1].mask, Some(root.path().join("lists").join("m.png")));
    assert_eq!(listed[1].defect, "crack");
}

#[test]
fn what_is_not_there_is_told() {
    let root = TempDir::new().unwrap();
    let told = |name: &Path| discover(Kind::Series, &[text(name)]).unwrap_err().to_string();
    assert!(told(&root.path().join("gone")).contains("gone"));
    assert!(told(&root.path().join("*.csv")).contains("no file matches"));
    assert!(told(root.path()).contains("it is empty"));
    let path = write(&root, "a.xes", "<log/>\n");
    let message = told(&path);
    assert!(
        message.contains("a.xes") && message.contains("TSB-UAD") && message.contains("SKAB"),
        "{message}"
    );
    assert!(told(root.path()).contains("skipped, the first"));
    assert!(discover(Kind::Table, &[]).unwrap_err().to_string().contains("no data was named"));
    assert!("video".parse::<Kind>().unwrap_err().to_string().contains("table, series, image"));
}

#[test]
fn names_stay_apart() {
    let root = TempDir::new().unwrap();
    let a = write(&root, "a/1.csv", "v,Label\n1,0\n2,1\n");
    let b = write(&root, "b/1.csv", "v,Label\n1,0\n2,1\n");
    let both = discover(Kind::Series, &[text(&a), text(&b), text(&a)]).unwrap();
    assert_eq!(names(&both), ["a/1", "b/1"]);
    let pattern = discover(Kind::Series, &[format!("{}/*/1.csv", text(root.path()))]).unwrap();
    assert_eq!(names(&pattern), ["a/1", "b/1"]);
}

#[test]
fn a_missing_set_spoils_only_itself() {
    let root = TempDir::new().unwrap();
    write(&root, "data/a.csv", "v,Label\n1,0\n2,1\n");
    let head = "name = \"s\"\nkind = \"series\"\nmethods = [\"auto\"]\nseed = 3\n";
    let sets = "[[set]]\npath = \"data/a.csv\"\nname = \"first\"\n[[set]]\npath = \"data/gone.csv\"\n";
    let suite = load_suite(&write(&root, "s.toml", format!("{head}{sets}"))).unwrap();
    assert_eq!((suite.kind, suite.seed, suite.cap, suite.methods.len()), (Kind::Series, Some(3), None, 1));
    assert_eq!(suite.sets[0].set.as_ref().unwrap().name, "first");
    assert_eq!(suite.sets[1].name, "gone");
    assert!(suite.sets[1].set.as_ref().unwrap_err().contains("gone.csv"));
    let unknown = write(&root, "t.toml", format!("{head}sed = 3\n{sets}"));
    assert!(load_suite(&unknown).unwrap_err().to_string().contains("sed"));
    assert!(load_suite(&write(&root, "u.toml", head)).unwrap_err().to_string().contains("no set"));
}
