//! The rule language: a typed CEL subset, parsed, checked and evaluated.
