//! Rules from the names in certificates to whom they stand for.

use super::CertificateNames;
use super::pattern::{NamePattern, NamePatternError};
use crate::{Subject, SubjectError, SubjectName};
use sha2::{Digest as _, Sha256};

/// What a subject has in place of a name to take it from the certificate.
const USER: &str = "{user}";

/// The kinds of names that rules know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A host, of the alternative names.
    Dns,
    /// A URI, of the alternative names, such as SPIFFE's.
    Uri,
    /// An address of electronic mail, of the alternative names.
    Email,
    /// The common name of the subject.
    CommonName,
}

impl NameKind {
    /// Returns what parts of a name of this kind stand between.
    pub(super) const fn separator(self) -> Option<char> {
        match self {
            Self::Dns => Some('.'),
            Self::Uri => Some('/'),
            Self::Email => Some('@'),
            Self::CommonName => None,
        }
    }
}

/// Why something is no rule about certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRuleError {
    /// The pattern is none.
    #[error("{0:?}: {1}")]
    Pattern(String, #[source] NamePatternError),
    /// The subject is none.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The subject is none that somebody can be.
    #[error(
        "{0:?} is nobody: use user:NAME, robot:NAME or group:NAME, or {{user}} in place of a name"
    )]
    Nobody(String),
    /// Subject and pattern do not go together.
    #[error("{{user}} stands in the pattern and in the subject, or in neither of them")]
    User,
}

/// Whom the bearers of some certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRule {
    kind: NameKind,
    pattern: NamePattern,
    subject: ClaimedSubject,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ClaimedSubject {
    User(ClaimedName),
    Robot(ClaimedName),
    Group(SubjectName),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ClaimedName {
    Fixed(SubjectName),
    Captured,
}

/// Whom a certificate says that its bearer is. Whether there is such a user is looked up afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Claim {
    /// A user.
    User(SubjectName),
    /// A robot.
    Robot(SubjectName),
    /// A member of a group, who has no account.
    Member {
        /// The group.
        group: SubjectName,
        /// A name for logs and records, made of the name in the certificate.
        name: SubjectName,
    },
}

impl CertificateRule {
    /// Makes a rule: certificates with a name of this kind that fits the pattern are the subject's.
    pub fn parse(
        kind: NameKind,
        pattern: &str,
        subject: &str,
    ) -> Result<Self, CertificateRuleError> {
        let in_pattern = |error| CertificateRuleError::Pattern(pattern.to_owned(), error);
        let rule = Self {
            kind,
            pattern: NamePattern::parse(kind, pattern).map_err(in_pattern)?,
            subject: ClaimedSubject::parse(subject)?,
        };
        if (rule.pattern.captures() > 0) != rule.subject.is_captured() {
            return Err(CertificateRuleError::User);
        }
        Ok(rule)
    }

    fn claim(&self, name: &str) -> Option<Claim> {
        let fit = self.pattern.fit(name)?;
        let named = |claimed: &ClaimedName| match claimed {
            ClaimedName::Fixed(name) => Some(name.clone()),
            ClaimedName::Captured => SubjectName::parse(fit.user?).ok(),
        };
        match &self.subject {
            ClaimedSubject::User(claimed) => named(claimed).map(Claim::User),
            ClaimedSubject::Robot(claimed) => named(claimed).map(Claim::Robot),
            ClaimedSubject::Group(group) => Some(Claim::Member {
                group: group.clone(),
                name: name_of_bearer(name),
            }),
        }
    }
}

impl ClaimedSubject {
    fn parse(text: &str) -> Result<Self, CertificateRuleError> {
        match text.split_once(':') {
            Some(("user", USER)) => return Ok(Self::User(ClaimedName::Captured)),
            Some(("robot", USER)) => return Ok(Self::Robot(ClaimedName::Captured)),
            _ => {}
        }
        match Subject::parse(text)? {
            Subject::User(name) => Ok(Self::User(ClaimedName::Fixed(name))),
            Subject::Robot(name) => Ok(Self::Robot(ClaimedName::Fixed(name))),
            Subject::Group(name) => Ok(Self::Group(name)),
            Subject::Anonymous | Subject::Authenticated | Subject::Everybody => {
                Err(CertificateRuleError::Nobody(text.to_owned()))
            }
        }
    }

    const fn is_captured(&self) -> bool {
        matches!(
            self,
            Self::User(ClaimedName::Captured) | Self::Robot(ClaimedName::Captured)
        )
    }
}

/// Makes a name of what a certificate holds; what is none is stood for by its digest.
fn name_of_bearer(name: &str) -> SubjectName {
    SubjectName::parse(name).unwrap_or_else(|_| {
        let digest = hex::encode(&Sha256::digest(name)[..16]);
        SubjectName::parse(&digest).expect("32 hexadecimal digits are a name")
    })
}

/// Rules in the order of their weight: the first that fits counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateRules(Vec<CertificateRule>);

impl CertificateRules {
    /// Keeps these rules.
    #[must_use]
    pub const fn new(rules: Vec<CertificateRule>) -> Self {
        Self(rules)
    }

    /// Tells whether certificates stand for nobody.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whom a certificate with these names stands for, by the first rule that fits, of the
    /// first name that fits it.
    #[must_use]
    pub fn claim(&self, names: &CertificateNames) -> Option<Claim> {
        let mut rules = self.0.iter();
        rules.find_map(|rule| names.of(rule.kind).find_map(|name| rule.claim(name)))
    }
}
