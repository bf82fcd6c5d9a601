//! Tests of passwords.

use super::*;

/// As cheap as Argon2 gets, for tests.
pub(crate) const CHEAP: PasswordSettings = PasswordSettings {
    memory_kib: 8,
    passes: 1,
    concurrent: 1,
    waiting: 1,
};

fn recorded(hash: Option<PasswordHash>) -> Candidates {
    Candidates {
        recorded: hash,
        listed: None,
    }
}

#[tokio::test]
async fn a_password_fits_its_hash_alone() {
    let passwords = Passwords::new(CHEAP).unwrap();
    for password in ["a", "with:colons:", "Grüße ☃", &"x".repeat(1024)] {
        let hash = passwords.hash(password).await.unwrap();
        let verify = |text: String| passwords.verify_owned(text, recorded(Some(hash.clone())));
        assert_eq!(verify(password.to_owned()).await, Fits::Recorded);
        assert_eq!(verify(format!("{password} ")).await, Fits::Nothing);
        assert_eq!(verify(String::new()).await, Fits::Nothing);
    }
}

impl Passwords {
    async fn verify_owned(&self, password: String, candidates: Candidates) -> Fits {
        self.verify(&password, candidates).await.unwrap()
    }
}

#[tokio::test]
async fn the_hash_says_how_it_was_made_and_debug_does_not_show_it() {
    let passwords = Passwords::new(PasswordSettings {
        concurrent: 1,
        ..PasswordSettings::default()
    })
    .unwrap();
    let hash = passwords.hash("secret").await.unwrap();
    assert!(
        hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{}",
        hash.0
    );
    assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
}

#[tokio::test]
async fn hashes_of_other_parameters_still_verify() {
    let hash = Passwords::new(CHEAP).unwrap().hash("secret").await.unwrap();
    let dearer = PasswordSettings { passes: 2, ..CHEAP };
    let passwords = Passwords::new(dearer).unwrap();
    assert_eq!(
        passwords
            .verify_owned("secret".into(), recorded(Some(hash)))
            .await,
        Fits::Recorded
    );
}

#[tokio::test]
async fn nobody_has_no_password() {
    let passwords = Passwords::new(CHEAP).unwrap();
    assert_eq!(
        passwords.verify_owned(String::new(), recorded(None)).await,
        Fits::Nothing
    );
    let broken = PasswordHash("$argon2id$nonsense".into());
    assert_eq!(
        passwords
            .verify_owned("x".into(), recorded(Some(broken)))
            .await,
        Fits::Nothing
    );
}

#[tokio::test]
async fn a_listed_hash_counts_for_its_own_user_alone() {
    let passwords = Passwords::new(CHEAP).unwrap();
    let hash: Arc<str> = bcrypt::hash("secret", 4).unwrap().into();
    let with = |listed| Candidates {
        recorded: None,
        listed: Some(listed),
    };
    let own = with(Listed::Own(hash.clone()));
    assert_eq!(
        passwords.verify_owned("secret".into(), own).await,
        Fits::Listed
    );
    let other = with(Listed::Other(hash));
    assert_eq!(
        passwords.verify_owned("secret".into(), other).await,
        Fits::Nothing
    );
}

#[tokio::test]
async fn only_so_many_run_and_only_so_many_wait() {
    let passwords = Passwords::new(CHEAP).unwrap();
    let hash = passwords.hash("secret").await.unwrap();
    let verify = || passwords.verify("secret", recorded(Some(hash.clone())));
    // One runs until the third was told, one waits, and the third is told so at once.
    let (third_was_told, told) = std::sync::mpsc::channel::<()>();
    let first = passwords.run(move || told.recv());
    let third = async {
        let outcome = verify().await;
        third_was_told.send(()).unwrap();
        outcome
    };
    let (first, second, third) = tokio::join!(first, verify(), third);
    assert!(first.unwrap().is_ok());
    assert_eq!(second.unwrap(), Fits::Recorded);
    assert!(matches!(third, Err(AuthError::Busy)));
    assert_eq!(verify().await.unwrap(), Fits::Recorded);
}

#[tokio::test]
async fn passwords_without_and_beyond_measure_are_refused() {
    let passwords = Passwords::new(CHEAP).unwrap();
    for password in ["", &"x".repeat(MAX_PASSWORD_BYTES + 1)] {
        assert!(matches!(
            passwords.hash(password).await,
            Err(AuthError::Invalid(_))
        ));
    }
    let long = "x".repeat(10_000_000);
    assert_eq!(
        passwords.verify_owned(long, recorded(None)).await,
        Fits::Nothing
    );
}
