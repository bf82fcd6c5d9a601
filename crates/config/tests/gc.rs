//! Times of the collector that do not fit together.

use roadstead_config::{Config, LoadOptions};

fn mistakes(text: &str) -> String {
    let file = tempfile::NamedTempFile::new().expect("temporary file");
    std::io::Write::write_all(&mut file.as_file(), text.as_bytes()).expect("written");
    let options = LoadOptions {
        file: Some(file.path()),
        ..LoadOptions::default()
    };
    Config::load(&options).map_or_else(|errors| errors.to_string(), |_| String::new())
}

#[test]
fn times_that_fit_together_are_taken() {
    for gc in [
        "{grace: 1s, condemned: 4s, reference_window: 1s, request_life: 2s}",
        "{condemned: 21m}",
        "{interval: off, untagged: 30d}",
    ] {
        assert_eq!(mistakes(&format!("gc: {gc}\n")), "", "{gc}");
    }
}

#[test]
fn a_condemned_age_that_a_reference_may_outlive_is_refused_with_the_reason() {
    for gc in [
        "{condemned: 20m}",
        "{condemned: 3s, reference_window: 1s, request_life: 2s}",
        "{reference_window: 50m}",
    ] {
        let found = mistakes(&format!("gc: {gc}\n"));
        assert!(found.contains("gc.condemned"), "{gc}: {found}");
        assert!(found.contains("would name what is gone"), "{gc}: {found}");
    }
}

#[test]
fn a_window_as_long_as_what_counts_as_given_up_is_refused() {
    let found = mistakes("gc: {condemned: 2h, reference_window: 45m}\n");
    assert!(found.contains("gc.reference_window"), "{found}");
    assert!(found.contains("less than 1h"), "{found}");
}

#[test]
fn a_request_to_a_bucket_may_take_a_quarter_of_an_hour_whatever_is_said() {
    let bucket = "storage: {s3: {bucket: images, region: eu-west-1}}\n";
    let found = mistakes(&format!("{bucket}gc: {{request_life: 14m}}\n"));
    assert!(found.contains("gc.request_life"), "{found}");
    assert_eq!(
        mistakes(&format!("{bucket}gc: {{request_life: 15m}}\n")),
        ""
    );
}
