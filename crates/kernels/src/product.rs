//! Blocked matrix products.
