//! Who somebody is.

use crate::SubjectName;
use std::fmt;

/// Who somebody has proven to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// Nobody: the request carried no credentials.
    Anonymous,
    /// A person.
    User(SubjectName),
    /// A machine's account.
    Robot(SubjectName),
    /// The bearer of a certificate, who has no account but is in a group.
    Bearer(SubjectName),
}

impl fmt::Display for Identity {
    /// Writes the name that logs and the `by` of records show. No user's name holds a colon.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("anonymous"),
            Self::User(name) => write!(formatter, "{name}"),
            Self::Robot(name) => write!(formatter, "robot:{name}"),
            Self::Bearer(name) => write!(formatter, "certificate:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robot_and_a_user_of_one_name_are_written_differently() {
        let name = SubjectName::parse("ci").unwrap();
        assert_eq!(Identity::User(name.clone()).to_string(), "ci");
        assert_eq!(Identity::Robot(name).to_string(), "robot:ci");
    }
}
