//! The PostgreSQL driver: the only place that knows `tokio_postgres`.
