//! `catalog/…`

use super::header_only;
use serde::{Deserialize, Serialize};

/// `catalog/<name>`: the repository exists. It says nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogRecord {}

header_only!(CatalogRecord);
