//! The driver against a real server, named by `FRONTDESK_TEST_DATABASE`: see
//! `scripts/with-postgres`. Without one there is nothing to test here.

mod connections;
mod feed;
mod support;
mod values;
mod writes;
