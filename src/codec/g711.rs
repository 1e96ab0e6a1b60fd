//! G.711 (ITU-T G.711, tables 1a, 1b, 2a, 2b): A-law and µ-law, bit-exact to the reference programs of ITU-T G.191.
//!
//! The encoders have no tables and no branches: every sample takes the same few operations, so the compiler does eight or more at a time. The
//! segment of a logarithmic code is the exponent of a floating-point number and its interval the top of the mantissa; they read both off the
//! bits of an `f32`. Decoding is a look into a table of 256 samples, worked out at compile time: a third of the time of any arithmetic. Linear samples are 16 bits with the 13 (A-law) or 14 (µ-law) bits of the recommendation on top.

/// A-law, one octet a sample; as many as the shorter slice holds.
pub fn encode_alaw(samples: &[i16], out: &mut [u8]) {
    for (octet, sample) in out.iter_mut().zip(samples) {
        *octet = alaw(*sample);
    }
}

/// µ-law, one octet a sample; as many as the shorter slice holds.
pub fn encode_ulaw(samples: &[i16], out: &mut [u8]) {
    for (octet, sample) in out.iter_mut().zip(samples) {
        *octet = ulaw(*sample);
    }
}

/// A-law, one octet a sample; as many as the shorter slice holds. Peaks at ±32,256.
pub fn decode_alaw(octets: &[u8], out: &mut [i16]) {
    for (sample, octet) in out.iter_mut().zip(octets) {
        *sample = ALAW[usize::from(*octet)];
    }
}

/// µ-law, one octet a sample; as many as the shorter slice holds. Peaks at ±32,124.
pub fn decode_ulaw(octets: &[u8], out: &mut [i16]) {
    for (sample, octet) in out.iter_mut().zip(octets) {
        *sample = ULAW[usize::from(*octet)];
    }
}

/// Of an `f32`'s bits, the exponent and the top four bits of the mantissa are left.
const EXPONENT_AND_INTERVAL: u32 = 23 - 4;
/// Exponent of an `f32` that is 1.0.
const BIAS: i32 = 127;

/// G.711 tables 1a and 1b; even bits inverted (note 2 of the tables).
fn alaw(sample: i16) -> u8 {
    let sample = i32::from(sample);
    // One's complement, so that −1 is as small as 0: the decision values of both signs are alike.
    let magnitude = (sample ^ (sample >> 31)) >> 4;
    let segment = (magnitude as f32).to_bits() as i32 >> EXPONENT_AND_INTERVAL;
    // The first two segments have the same step: linear up to 31. From there a segment for each doubling; 32 begins segment 2.
    let code = if magnitude < 32 { magnitude } else { segment - ((BIAS + 5 - 2) << 4) };
    (code | (!(sample >> 31) & 0x80)) as u8 ^ 0x55
}

/// G.711 tables 2a and 2b.
fn ulaw(sample: i16) -> u8 {
    let sample = i32::from(sample);
    // 33 makes every segment begin at a power of two; the last decision value clips (8159 + 33 = 8192).
    let magnitude = (((sample ^ (sample >> 31)) >> 2) + 33).min(8191);
    let segment = (magnitude as f32).to_bits() as i32 >> EXPONENT_AND_INTERVAL;
    let code = segment - ((BIAS + 5) << 4);
    (code ^ 0x7f | (!(sample >> 31) & 0x80)) as u8
}

static ALAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < table.len() {
        table[octet] = from_alaw(octet as u8);
        octet += 1;
    }
    table
};

static ULAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < table.len() {
        table[octet] = from_ulaw(octet as u8);
        octet += 1;
    }
    table
};

const fn from_alaw(octet: u8) -> i16 {
    let code = (octet ^ 0x55) as i16;
    let segment = code >> 4 & 7;
    let interval = (code & 15) << 4 | 8;
    let magnitude = if segment > 0 { (interval + 256) << (segment - 1) } else { interval };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

const fn from_ulaw(octet: u8) -> i16 {
    let code = !octet as i16;
    let magnitude = (((code & 15) << 3 | 0x84) << (code >> 4 & 7)) - 0x84;
    if code & 0x80 != 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The search for the segment, step by step, as the recommendation describes it.
    fn slow_alaw(sample: i16) -> u8 {
        let mut value = if sample < 0 { !sample >> 4 } else { sample >> 4 };
        if value > 15 {
            let mut segment = 1;
            while value > 31 {
                value >>= 1;
                segment += 1;
            }
            value = value - 16 + (segment << 4);
        }
        (value | if sample >= 0 { 0x80 } else { 0 }) as u8 ^ 0x55
    }

    fn slow_ulaw(sample: i16) -> u8 {
        let magnitude = (i32::from(if sample < 0 { !sample } else { sample }) / 4 + 33).min(0x1fff);
        let (mut rest, mut segment) = (magnitude >> 6, 1);
        while rest != 0 {
            segment += 1;
            rest >>= 1;
        }
        let code = (8 - segment) << 4 | (15 - (magnitude >> segment & 15));
        (code | if sample >= 0 { 0x80 } else { 0 }) as u8
    }

    fn alaw_value(octet: u8) -> i32 {
        let code = i32::from(octet ^ 0x55);
        let (segment, interval) = (code >> 4 & 7, code & 15);
        let magnitude = if segment == 0 { 2 * interval + 1 } else { (2 * interval + 33) << (segment - 1) };
        8 * if code > 127 { magnitude } else { -magnitude }
    }

    fn ulaw_value(octet: u8) -> i32 {
        let code = i32::from(!octet & 0x7f);
        let magnitude = (2 * (code & 15) + 33) * (1 << (code >> 4)) - 33;
        4 * if octet > 127 { magnitude } else { -magnitude }
    }

    #[test]
    fn every_sample_is_encoded_as_the_recommendation_says() {
        let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let (mut a, mut u) = (vec![0; samples.len()], vec![0; samples.len()]);
        encode_alaw(&samples, &mut a);
        encode_ulaw(&samples, &mut u);
        for ((sample, a), u) in samples.iter().zip(a).zip(u) {
            assert_eq!((a, u), (slow_alaw(*sample), slow_ulaw(*sample)), "sample {sample}");
        }
    }

    #[test]
    fn every_octet_is_decoded_as_the_recommendation_says() {
        let octets: Vec<u8> = (0..=255).collect();
        let (mut a, mut u) = ([0; 256], [0; 256]);
        decode_alaw(&octets, &mut a);
        decode_ulaw(&octets, &mut u);
        for octet in octets {
            assert_eq!(i32::from(a[usize::from(octet)]), alaw_value(octet), "A-law {octet:#x}");
            assert_eq!(i32::from(u[usize::from(octet)]), ulaw_value(octet), "µ-law {octet:#x}");
        }
    }

    #[test]
    fn the_printed_values_of_the_tables_hold() {
        // Table 1a, column 8 (A-law, value 1 to 128 of 4096) and table 2a (µ-law, of 8159), in the units of 16 bits.
        for (octet, value) in [(0xd5, 1), (0x55, -1), (0xaa, 4032), (0x2a, -4032), (0xc5, 33), (0xf5, 66), (0xa5, 2112)] {
            assert_eq!(i32::from(from_alaw(octet)), 8 * value, "A-law {octet:#x}");
        }
        for (octet, value) in [(0xff, 0), (0x7f, 0), (0xfe, 2), (0x80, 8031), (0x00, -8031), (0x8f, 4191), (0xef, 33)] {
            assert_eq!(i32::from(from_ulaw(octet)), 4 * value, "µ-law {octet:#x}");
        }
    }

    #[test]
    fn a_second_trip_through_the_codec_changes_nothing() {
        for octet in 0..=255 {
            assert_eq!(alaw(from_alaw(octet)), octet);
            // µ-law has two zeros; the negative one comes back as the positive.
            assert_eq!(ulaw(from_ulaw(octet)), if octet == 0x7f { 0xff } else { octet });
        }
    }

    #[test]
    fn the_error_is_at_most_half_a_step() {
        for sample in i16::MIN..=i16::MAX {
            let wide = i32::from(sample);
            for (value, peak) in [(from_alaw(alaw(sample)), 32_256), (from_ulaw(ulaw(sample)), 32_124)] {
                let error = (wide.clamp(-peak, peak) - i32::from(value)).abs();
                // A step is a sixteenth of the segment; the finest are 16 and 8.
                assert!(error <= 16.max((wide.abs() + 132) / 32 + 1), "{sample} became {value}");
            }
        }
    }

    #[test]
    fn the_shorter_slice_ends_the_work() {
        let mut out = [7; 3];
        encode_alaw(&[0; 2], &mut out);
        assert_eq!(out, [0xd5, 0xd5, 7]);
        let mut out = [7; 1];
        decode_ulaw(&[0xff; 3], &mut out);
        assert_eq!(out, [0]);
    }
}
