//! What the store promises, shown on real databases and in the texts it writes.

mod agreement;
mod feed;
mod keys;
mod lowering;
mod migrations;
mod pages;
mod plans;
mod selects;
mod support;
mod writes;
