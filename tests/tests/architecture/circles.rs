//! Modules of a crate do not import each other in a circle.
//!
//! A node is a file. An edge goes from a file to the file of each module that it names by a path
//! from the crate's root (`crate::a::b`) or from its parent (`super::a`). A path is followed as far
//! as there are files for it; what the crate's root itself re-exports has no edge, since the root
//! stands for the crate. Between a module and one below it there is no edge either: the two are one
//! module in several files, and a `pub use` of a child is how that is written. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[test]
fn modules_of_a_crate_import_each_other_without_a_circle() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut circles = Vec::new();
    let mut modules_seen = 0;
    for entry in std::fs::read_dir(crates).expect("the crates are there") {
        let source = entry.expect("the crates can be listed").path().join("src");
        let modules = modules_of(&source);
        modules_seen += modules.len();
        let graph = graph_of(&modules);
        for circle in circles_of(&graph) {
            circles.push(format!("{}: {}", source.display(), circle.join(" -> ")));
        }
    }
    assert!(modules_seen > 50, "only {modules_seen} modules were found");
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_circle_is_found() {
    let graph = BTreeMap::from([
        ("a".to_owned(), BTreeSet::from(["b".to_owned()])),
        ("b".to_owned(), BTreeSet::from(["c".to_owned()])),
        ("c".to_owned(), BTreeSet::from(["b".to_owned()])),
    ]);
    assert_eq!(circles_of(&graph), [["b", "c"]]);
}

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The source of each module by its path, `a::b`; tests are left out.
fn modules_of(source: &Path) -> BTreeMap<String, String> {
    let mut modules = BTreeMap::new();
    let mut folders = vec![(source.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path: PathBuf = entry.expect("sources can be listed").path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let name = stem.expect("sources have plain names").to_owned();
            if name == "tests" || name == "testing" || prefix.is_empty() && name == "lib" {
                continue;
            }
            let module = format!("{prefix}{name}");
            if path.is_dir() {
                folders.push((path, format!("{module}::")));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("sources are text");
                modules.insert(module, without_tests(&text));
            }
        }
    }
    modules
}

/// Cuts the test module that ends a file.
fn without_tests(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines();
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

fn graph_of(modules: &BTreeMap<String, String>) -> Graph {
    let edges = modules.iter().map(|(module, text)| {
        let named = paths_of(module, text)
            .into_iter()
            .filter_map(|path| nearest_module(modules, &path))
            .filter(|named| named != module && !is_family(module, named))
            .collect();
        (module.clone(), named)
    });
    edges.collect()
}

/// All paths from the crate's root that a source names, `{…}` taken apart.
fn paths_of(module: &str, text: &str) -> BTreeSet<String> {
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let mut paths = BTreeSet::new();
    for (anchor, base) in [("crate::", ""), ("super::", parent)] {
        for (at, _) in text.match_indices(anchor) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|before| before.is_alphanumeric() || matches!(before, '_' | ':'))
            {
                continue;
            }
            let rest = &text[at + anchor.len()..];
            let base = if base.is_empty() {
                String::new()
            } else {
                format!("{base}::")
            };
            expand(&base, rest, &mut paths);
        }
    }
    paths
}

/// Reads one `use` tree, or the path of an expression.
fn expand(base: &str, text: &str, paths: &mut BTreeSet<String>) {
    if let Some(group) = text.strip_prefix('{') {
        let mut depth = 0;
        let mut start = 0;
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    expand(base, group[start..at].trim(), paths);
                    return;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(base, group[start..at].trim(), paths);
                    start = at + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let word: String = text
        .chars()
        .take_while(|&character| is_word(character))
        .collect();
    if word.is_empty() {
        return;
    }
    let path = format!("{base}{word}");
    match text[word.len()..].strip_prefix("::") {
        Some(rest) => expand(&format!("{path}::"), rest, paths),
        None => {
            paths.insert(path);
        }
    }
}

/// Returns the file that a path leads to: the longest part of it that is a module.
fn nearest_module(modules: &BTreeMap<String, String>, path: &str) -> Option<String> {
    let mut path = path;
    loop {
        if modules.contains_key(path) {
            return Some(path.to_owned());
        }
        path = path.rsplit_once("::")?.0;
    }
}

/// Tells whether one module is below the other.
fn is_family(one: &str, other: &str) -> bool {
    let is_below = |lower: &str, upper: &str| {
        lower
            .strip_prefix(upper)
            .is_some_and(|rest| rest.starts_with("::"))
    };
    is_below(one, other) || is_below(other, one)
}

/// Returns the strongly connected components of more than one module.
fn circles_of(graph: &Graph) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = graph
        .keys()
        .map(|module| (module, reachable(graph, module)))
        .collect();
    let mut circles: Vec<Vec<String>> = Vec::new();
    for module in graph.keys() {
        let circle: Vec<String> = graph
            .keys()
            .filter(|other| {
                reached[module].contains(other)
                    && reached.get(other).is_some_and(|back| back.contains(module))
            })
            .cloned()
            .collect();
        if circle.len() > 1 && circle.first() == Some(module) {
            circles.push(circle);
        }
    }
    circles
}

fn reachable<'a>(graph: &'a Graph, from: &'a String) -> BTreeSet<&'a String> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        for named in graph.get(module).into_iter().flatten() {
            if seen.insert(named) {
                next.push(named);
            }
        }
    }
    seen
}
