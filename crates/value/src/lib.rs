//! The values a contract speaks of: scalars, ids, time, money, and their JSON form.
