//! What the loader makes of `redirect`, above all of its networks.

use roadstead_config::{Config, ConfigErrors, LoadOptions, Networks};
use std::io::Write;

fn load(text: &str) -> Result<Config, ConfigErrors> {
    let mut file = tempfile::NamedTempFile::new().expect("temporary file");
    file.write_all(text.as_bytes()).expect("written");
    let options = LoadOptions {
        file: Some(file.path()),
        ..LoadOptions::default()
    };
    Config::load(&options).map(|loaded| loaded.config)
}

fn written(config: &Config) -> Vec<String> {
    let networks = config.redirect.networks.as_slice();
    networks.iter().map(ToString::to_string).collect()
}

#[test]
fn networks_are_a_list_or_a_text_with_commas() {
    for text in [
        "redirect: {networks: [10.0.0.0/8, '2001:db8::/32']}",
        "redirect:\n  networks:\n  - 10.0.0.0/8\n  - 2001:db8::/32\n",
        "redirect: {networks: '10.0.0.0/8, 2001:db8::/32'}",
    ] {
        let config = load(text).expect(text);
        assert_eq!(written(&config), ["10.0.0.0/8", "2001:db8::/32"], "{text}");
        let again = load(&config.effective_yaml()).expect("what was printed loads");
        assert_eq!(again, config);
    }
    let nobody = load("redirect: {networks: []}").expect("an empty list is one");
    assert_eq!(nobody.redirect.networks, Networks::default());
}

#[test]
fn a_list_that_is_none_of_networks_is_refused_at_its_place() {
    for (text, message) in [
        (
            "redirect: {networks: [7]}",
            ":1:22: redirect.networks: must be a list of texts; put each in quotes",
        ),
        (
            "redirect: {except: [10.0.0.0/8, home]}",
            ":1:20: redirect.except: `10.0.0.0/8, home` is no list of networks; write them like \
             10.0.0.0/8, 2001:db8::/32",
        ),
        (
            "redirect: {lifetime: 2h}",
            ":1:22: redirect.lifetime: `2h` is out of range; it may be 30s to 1h",
        ),
    ] {
        let told = load(text).expect_err(text).to_string();
        assert!(told.ends_with(message), "{text}: {told}");
    }
}
