//! Source diagnostics: spans, messages, and how they are shown to a person or a program.
