//! Where in a document a value stands.

/// Where in a document a value stands, as far as that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Document,
    Descriptor,
    DescriptorList,
    Annotations,
    AnnotationValue,
    Other,
}
