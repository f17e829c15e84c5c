//! A bound on memory.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a property may hold at one time, however short its input is: the engine of Wasmtime and a
/// component of types are a few MiB.
const ALLOWANCE: u64 = 16 << 20;

/// What it may hold beyond that for each byte of its input: a value of one byte, with the names
/// that Wasmtime keeps with it, is well below.
const PER_BYTE: u64 = 1 << 10;

/// Holds `property` against `data`, within memory that is in proportion to it.
///
/// # Panics
///
/// If the property panics, or has held more memory at one time than a bound that grows with `data`.
pub fn bounded(data: &[u8], property: impl FnOnce(&[u8])) {
    let mut held = Ok(());
    let memory = allocation_counter::measure(|| {
        // The counter has to hear of the end.
        held = catch_unwind(AssertUnwindSafe(|| property(data)));
    });
    if let Err(panic) = held {
        resume_unwind(panic);
    }
    let len = u64::try_from(data.len()).unwrap_or(u64::MAX);
    let bound = ALLOWANCE.saturating_add(PER_BYTE.saturating_mul(len));
    assert!(
        memory.bytes_max <= bound,
        "{} bytes were held for an input of {len}; the bound is {bound}",
        memory.bytes_max
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(bytes: usize) {
        std::hint::black_box(Vec::<u8>::with_capacity(bytes));
    }

    #[test]
    fn what_an_input_announces_is_not_what_it_may_hold() {
        bounded(b"12", |_| reserve(1 << 20));
        let announced = catch_unwind(|| bounded(b"12", |_| reserve(1 << 30)));
        let text = *announced.unwrap_err().downcast::<String>().unwrap();
        assert!(text.contains("for an input of 2"), "{text}");
    }

    #[test]
    fn a_property_that_does_not_hold_is_told_as_often_as_it_is_tried() {
        for _ in 0..100 {
            let panic = catch_unwind(|| bounded(b"", |_| panic!("no")));
            assert_eq!(*panic.unwrap_err().downcast::<&str>().unwrap(), "no");
        }
    }
}
