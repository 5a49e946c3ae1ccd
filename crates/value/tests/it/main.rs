//! What the values promise, seen from outside. One binary, so that it links once.

mod any;
mod decimal_and_money;
mod ids;
mod json;
mod order_and_words;
mod text;
mod times;
