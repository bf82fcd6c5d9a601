//! How commands show what they found: a table for people, JSON for programs.

use super::print;
use clap::ValueEnum;
use serde::Serialize;

/// How an answer is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// Columns with a line of headings; a secret stands alone.
    #[default]
    Table,
    /// JSON, as the API has it.
    Json,
}

impl Output {
    /// Shows a list.
    pub(super) fn list<T: Serialize>(
        self,
        items: &[T],
        headings: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Json => print(&json(&items)?),
            Self::Table => {
                let rows: Vec<Vec<String>> = items.iter().map(row).collect();
                print(&table(headings, &rows))
            }
        }
    }

    /// Shows one thing: as JSON, or as this text, to which a newline is added.
    pub(super) fn one(self, value: &impl Serialize, text: &str) -> anyhow::Result<()> {
        match self {
            Self::Json => print(&json(value)?),
            Self::Table => print(&format!("{text}\n")),
        }
    }
}

/// Writes a size as people say it, to three digits.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut whole, mut unit) = (bytes, 0);
    while whole >= 1024 * 1024 && unit + 1 < UNITS.len() {
        whole /= 1024;
        unit += 1;
    }
    // Less than 2^20 of them, or an absurd number, of which nobody counts the tenths.
    let tenths = u128::from(whole) * 10 / 1024;
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

fn json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// Writes columns as wide as their widest entry. An empty entry is shown as `-`, so that programs
/// that split at spaces count the same columns in each line.
fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
    let shown = |cell: &str| if cell.is_empty() { "-" } else { cell }.to_owned();
    let lines: Vec<Vec<String>> = std::iter::once(&headings)
        .chain(rows)
        .map(|row| row.iter().map(|cell| shown(cell)).collect())
        .collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, &width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_the_unit_that_fits() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1023.9 KiB"),
            (1_048_576, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16383.9 PiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [
            vec!["ops".to_owned(), "team-a".to_owned()],
            vec!["somebody".to_owned(), String::new()],
        ];
        assert_eq!(
            table(&["USER", "GROUPS"], &rows),
            "USER      GROUPS\nops       team-a\nsomebody  -\n"
        );
    }
}
