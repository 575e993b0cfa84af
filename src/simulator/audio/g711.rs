//! The two ways of ITU-T G.711 to write a sample of 16 bits in eight.

/// µ-law.
pub fn ulaw(sample: i16) -> u8 {
    const BIAS: u16 = 0x84;
    let magnitude = sample.unsigned_abs().min(32_635) + BIAS;
    let exponent = 8 - magnitude.leading_zeros() as u8;
    !(sign(sample) | exponent << 4 | mantissa(magnitude, exponent + 3))
}

/// A-law. What is negative begins one below zero.
pub fn alaw(sample: i16) -> u8 {
    let magnitude = if sample < 0 { !sample } else { sample }.unsigned_abs();
    let exponent = 8_u8.saturating_sub(magnitude.leading_zeros() as u8);
    let code = exponent << 4 | mantissa(magnitude, exponent.max(1) + 3);
    (sign(sample) ^ 0x80 | code) ^ 0x55
}

/// The upper bit of a negative sample.
fn sign(sample: i16) -> u8 {
    if sample < 0 { 0x80 } else { 0 }
}

/// The four bits from `shift` on.
fn mantissa(magnitude: u16, shift: u8) -> u8 {
    (magnitude >> shift) as u8 & 0x0f
}

#[cfg(test)]
mod tests {
    use super::*;

    // The pairs are what Python's `audioop` makes.
    #[test]
    fn samples_are_written_as_the_reference_writes_them() {
        for (sample, u, a) in [
            (0, 0xff, 0xd5),
            (8, 0xfe, 0xd5),
            (100, 0xf2, 0xd3),
            (-100, 0x72, 0x53),
            (1_000, 0xce, 0xfa),
            (-1_000, 0x4e, 0x7a),
            (9_000, 0x9e, 0xb4),
            (32_767, 0x80, 0xaa),
            (-32_768, 0x00, 0x2a),
        ] {
            assert_eq!((ulaw(sample), alaw(sample)), (u, a), "{sample}");
        }
    }
}
