//! Variable-length integers of the wire.

use bytes::{BufMut as _, BytesMut};

/// Appends `value` in as few bytes as it takes.
pub(super) fn put_unsigned(dst: &mut BytesMut, mut value: u64) {
    loop {
        let [low, ..] = (value & 0x7f).to_le_bytes();
        value >>= 7;
        if value == 0 {
            dst.put_u8(low);
            return;
        }
        dst.put_u8(low | 0x80);
    }
}

/// Appends `value` in as few bytes as it takes, the sign included.
pub(super) fn put_signed(dst: &mut BytesMut, mut value: i64) {
    loop {
        let [low, ..] = (value & 0x7f).to_le_bytes();
        value >>= 7;
        let sign = low & 0x40 != 0;
        if (value == 0 && !sign) || (value == -1 && sign) {
            dst.put_u8(low);
            return;
        }
        dst.put_u8(low | 0x80);
    }
}

/// An integer that is still being read, a byte at a time.
///
/// Accepts what upstream's decoder accepts: as many bytes as the width can need and no more, with
/// nothing but sign extension in the bits beyond the width.
#[derive(Debug)]
pub(super) struct Partial {
    bits: u32,
    shift: u32,
    value: u64,
}

/// The integer does not fit its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overflow;

impl Partial {
    /// An integer of `bits` bits, which must be 16, 32 or 64.
    pub(super) fn new(bits: u32) -> Self {
        Self {
            bits,
            shift: 0,
            value: 0,
        }
    }

    /// Takes the next byte. `Some` is the unsigned integer, complete.
    pub(super) fn unsigned(&mut self, byte: u8) -> Result<Option<u64>, Overflow> {
        let left = self.bits - self.shift;
        // The last byte that the width can need: neither a continuation nor a bit too many.
        if left < 7 && u32::from(byte) >> left != 0 {
            return Err(Overflow);
        }
        self.value |= u64::from(byte & 0x7f) << self.shift;
        self.shift += 7;
        Ok((byte & 0x80 == 0).then_some(self.value))
    }

    /// Takes the next byte. `Some` is the signed integer, complete.
    pub(super) fn signed(&mut self, byte: u8) -> Result<Option<i64>, Overflow> {
        let left = self.bits - self.shift;
        if left < 7 {
            // From the sign bit of the width up, all bits are equal.
            let sign = (byte & 0x7f) >> (left - 1);
            if byte & 0x80 != 0 || (sign != 0 && sign != 0x7f >> (left - 1)) {
                return Err(Overflow);
            }
        }
        self.value |= u64::from(byte & 0x7f) << self.shift;
        self.shift += 7;
        if byte & 0x80 != 0 {
            return Ok(None);
        }
        if byte & 0x40 != 0 && self.shift < 64 {
            self.value |= u64::MAX << self.shift;
        }
        Ok(Some(self.value.cast_signed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsigned(bits: u32, bytes: &[u8]) -> Result<Option<u64>, Overflow> {
        let mut partial = Partial::new(bits);
        for &byte in bytes {
            if let Some(value) = partial.unsigned(byte)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn signed(bits: u32, bytes: &[u8]) -> Result<Option<i64>, Overflow> {
        let mut partial = Partial::new(bits);
        for &byte in bytes {
            if let Some(value) = partial.signed(byte)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    #[test]
    fn extremes_round_trip() {
        for (bits, value) in [
            (16, u64::from(u16::MAX)),
            (32, u64::from(u32::MAX)),
            (64, u64::MAX),
            (64, 0),
            (16, 127),
            (16, 128),
        ] {
            let mut bytes = BytesMut::new();
            put_unsigned(&mut bytes, value);
            assert_eq!(unsigned(bits, &bytes), Ok(Some(value)));
        }
        for (bits, value) in [
            (16, i64::from(i16::MIN)),
            (16, i64::from(i16::MAX)),
            (32, i64::from(i32::MIN)),
            (32, i64::from(i32::MAX)),
            (64, i64::MIN),
            (64, i64::MAX),
            (64, -1),
            (16, 63),
            (16, 64),
            (16, -64),
            (16, -65),
        ] {
            let mut bytes = BytesMut::new();
            put_signed(&mut bytes, value);
            assert_eq!(signed(bits, &bytes), Ok(Some(value)), "{value}");
        }
    }

    #[test]
    fn a_value_past_the_width_is_refused() {
        assert_eq!(unsigned(16, &[0xff, 0xff, 0x04]), Err(Overflow));
        assert_eq!(unsigned(16, &[0x80, 0x80, 0x80, 0x00]), Err(Overflow));
        assert_eq!(unsigned(32, &[0xff, 0xff, 0xff, 0xff, 0x1f]), Err(Overflow));
        assert_eq!(
            unsigned(
                64,
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]
            ),
            Err(Overflow)
        );
        assert_eq!(signed(16, &[0x80, 0x80, 0x02]), Err(Overflow));
        assert_eq!(signed(16, &[0xff, 0xff, 0x7d]), Err(Overflow));
        assert_eq!(
            signed(
                64,
                &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]
            ),
            Err(Overflow)
        );
    }

    #[test]
    fn padding_within_the_width_is_taken_and_an_open_end_is_not_a_value() {
        assert_eq!(unsigned(32, &[0x81, 0x80, 0x00]), Ok(Some(1)));
        assert_eq!(signed(32, &[0xff, 0xff, 0x7f]), Ok(Some(-1)));
        assert_eq!(unsigned(32, &[0x81, 0x80]), Ok(None));
    }
}
