//! `${env:NAME}` and `${file:PATH}` inside a value; `$${` stands for a plain `${`.

use crate::Environment;
use std::fs::File;
use std::io::Read;

/// A value never needs more than this from a file.
const FILE_LIMIT_BYTES: u64 = 64 * 1024;

/// Puts in what a text refers to. The error is a whole clause that names the reference and never
/// what it gave.
pub(crate) fn substitute(text: &str, environment: &Environment) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from_start) = rest.split_at(start);
        if let Some(before) = before.strip_suffix('$') {
            result.push_str(before);
            result.push_str("${");
            rest = &from_start[2..];
            continue;
        }
        result.push_str(before);
        let Some((reference, after)) = from_start[2..].split_once('}') else {
            return Err("`${` has no `}`; write `$${` for a plain `${`".to_owned());
        };
        result.push_str(&resolve(reference, environment)?);
        rest = after;
    }
    result.push_str(rest);
    Ok(result)
}

/// Tells whether a text refers to something, so that what it gives may be a secret.
pub(crate) fn has_reference(text: &str) -> bool {
    text.contains("${")
}

fn resolve(reference: &str, environment: &Environment) -> Result<String, String> {
    if let Some(name) = reference.strip_prefix("env:") {
        return match environment.get(name) {
            Some(Ok(value)) => Ok(value.to_owned()),
            Some(Err(_)) => Err(format!("`${{env:{name}}}`: the variable is not UTF-8")),
            None => Err(format!("`${{env:{name}}}`: the variable is not set")),
        };
    }
    if let Some(path) = reference.strip_prefix("file:") {
        return read(path).map_err(|cause| format!("`${{file:{path}}}`: {cause}"));
    }
    Err(format!(
        "`${{{reference}}}` is neither `${{env:NAME}}` nor `${{file:PATH}}`; write `$${{` for a \
         plain `${{`"
    ))
}

/// Reads a file without the newline at its end, which editors and `echo` add.
fn read(path: &str) -> Result<String, String> {
    let file = File::open(path).map_err(|error| format!("cannot open the file: {error}"))?;
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot read the file: {error}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_LIMIT_BYTES {
        return Err(format!("the file is over {FILE_LIMIT_BYTES} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn environment() -> Environment {
        [("HOME", "/home/me"), ("EMPTY", "")].into_iter().collect()
    }

    #[test]
    fn variables_are_put_in_wherever_they_stand() {
        for (text, expected) in [
            ("plain", "plain"),
            ("${env:HOME}/data", "/home/me/data"),
            ("a${env:EMPTY}b${env:HOME}", "ab/home/me"),
            ("$${env:HOME}", "${env:HOME}"),
            ("cost $5 {x}", "cost $5 {x}"),
            ("$${", "${"),
        ] {
            assert_eq!(
                substitute(text, &environment()),
                Ok(expected.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_file_is_put_in_without_its_last_newline() {
        let mut file = tempfile::NamedTempFile::new().expect("temporary file");
        file.write_all(b"secret\r\n").expect("written");
        let text = format!("x${{file:{}}}", file.path().display());
        assert_eq!(substitute(&text, &environment()), Ok("xsecret".to_owned()));
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_named() {
        for (text, part) in [
            (
                "${env:NOWHERE}",
                "`${env:NOWHERE}`: the variable is not set",
            ),
            (
                "${file:/no/such/file}",
                "`${file:/no/such/file}`: cannot open the file",
            ),
            ("${file:/dev/zero}", "is over"),
            ("${HOME}", "neither"),
            ("${env:HOME", "has no `}`"),
        ] {
            let message = substitute(text, &environment()).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
