//! What the descriptions promise, on the contract of the bookstore and on one with everything.

mod document;
mod examples;
mod pages;
mod support;
mod yaml;
