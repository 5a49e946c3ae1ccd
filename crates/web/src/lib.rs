//! The HTTP kit: listener, limits, content negotiation, conditional requests, problems.
