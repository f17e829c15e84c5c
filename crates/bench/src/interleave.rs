//! Rows measured in turns.
