//! wrpc-middleware
