//! MPEG-1 and MPEG-2 layer III, mono: the least that makes a tone. A tone is one line of the transform, in every
//! granule with the sign that keeps its phase; silence is a granule without any.

use axum::body::Bytes;

use super::{Melody, whole};

/// Samples in a granule, and lines of its transform.
const LINES: u32 = 576;
/// The factor of every granule, in quarters of a power of two above -210.
const GAIN: u32 = 204;
/// The bit rates of MPEG-1 layer III by their index, in kilobits a second.
const MPEG_1: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
/// Those of MPEG-2.
const MPEG_2: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// What a frame's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    rate: u32,
    kilobits: u32,
    padded: bool,
}

impl Header {
    /// The header in the first four bytes of `bytes`, if they are one of layer III.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let word = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let (version, layer) = (word >> 19 & 3, word >> 17 & 3);
        if word >> 21 != 0x7ff || layer != 1 || version < 2 {
            return None;
        }
        let rates = if version == 3 { [44_100, 48_000, 32_000] } else { [22_050, 24_000, 16_000] };
        let kilobits = if version == 3 { MPEG_1 } else { MPEG_2 };
        Some(Self {
            rate: *rates.get((word >> 10 & 3) as usize)?,
            kilobits: *kilobits.get((word >> 12 & 15) as usize).filter(|rate| **rate > 0)?,
            padded: word >> 9 & 1 == 1,
        })
    }

    fn write(self) -> u32 {
        let mpeg_1 = self.granules() == 2;
        let kilobits = if mpeg_1 { MPEG_1 } else { MPEG_2 };
        let index = kilobits.iter().position(|rate| *rate == self.kilobits).unwrap_or(1) as u32;
        let rate = match self.rate {
            44_100 | 22_050 => 0,
            48_000 | 24_000 => 1,
            _ => 2,
        };
        let version = if mpeg_1 { 3 } else { 2 };
        // Layer III, no checksum, one channel.
        0x7ff << 21
            | version << 19
            | 3 << 16
            | index << 12
            | rate << 10
            | u32::from(self.padded) << 9
            | 3 << 6
    }

    fn granules(self) -> u32 {
        if self.rate >= 32_000 { 2 } else { 1 }
    }

    /// The length of the frame in bytes.
    pub fn length(self) -> usize {
        (self.granules() * LINES / 8 * self.kilobits * 1_000 / self.rate) as usize + usize::from(self.padded)
    }

    /// How long the frame sounds, in seconds.
    pub fn seconds(self) -> f64 {
        f64::from(self.granules() * LINES) / f64::from(self.rate)
    }
}

/// Bits, the first one uppermost.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn put(&mut self, value: u32, count: usize) {
        for place in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> place & 1) as u8) << (7 - self.used % 8);
            }
            self.used += 1;
        }
    }
}

/// One granule: a line of the transform with its sign, or silence.
type Granule = Option<(u32, bool)>;

/// The frames of a melody.
pub fn frames(melody: Melody, rate: u32, kilobits: u32) -> impl Iterator<Item = Bytes> + Send {
    let plain = Header { rate, kilobits, padded: false };
    let each = plain.granules();
    let count = (melody.seconds() / plain.seconds()).ceil();
    let exact = f64::from(each * LINES) * f64::from(kilobits) * 125.0 / f64::from(rate);
    (0_u32..).take(whole(count)).map(move |number| {
        // A byte more wherever the lengths so far would fall behind the bit rate.
        let until = |number: u32| (f64::from(number) * exact).floor();
        let padded = whole(until(number + 1) - until(number)) > plain.length();
        let granules =
            (number * each..(number + 1) * each).map(|place| granule(&melody, place, rate)).collect();
        frame(Header { padded, ..plain }, granules)
    })
}

fn granule(melody: &Melody, place: u32, rate: u32) -> Granule {
    let (tone, _) = melody.tone(f64::from(place * LINES) / f64::from(rate))?;
    let line = whole(tone * f64::from(2 * LINES) / f64::from(rate) - 0.5) as u32;
    // From one granule to the next the phase advances by 2 × line + 1 quarters of a turn.
    Some((line, matches!(place.wrapping_mul(2 * line + 1) % 4, 1 | 2)))
}

fn frame(header: Header, granules: Vec<Granule>) -> Bytes {
    let mpeg_1 = header.granules() == 2;
    let mut bits = Bits::default();
    bits.put(header.write(), 32);
    // Nothing borrowed from earlier frames, private bits, nothing shared between granules.
    bits.put(0, if mpeg_1 { 9 + 5 + 4 } else { 8 + 1 });
    for granule in &granules {
        let pairs = granule.map_or(0, |(line, _)| line / 2 + 1);
        // Code words of table 1, below: one bit for each empty pair, then the pair with the line, then its sign.
        let length = granule.map_or(0, |(line, _)| line / 2 + 3 + line % 2);
        bits.put(length, 12);
        bits.put(pairs, 9);
        bits.put(GAIN, 8);
        // Scale factors of no bits.
        bits.put(0, if mpeg_1 { 4 } else { 9 });
        // No change of window, table 1 in all three regions, regions of the least size.
        bits.put(0, 1);
        for _ in 0..3 {
            bits.put(1, 5);
        }
        bits.put(0, 4 + 3);
        // No emphasis of high lines, small steps, table A.
        bits.put(0, if mpeg_1 { 3 } else { 2 });
    }
    for (line, negative) in granules.into_iter().flatten() {
        for _ in 0..line / 2 {
            bits.put(0b1, 1);
        }
        if line % 2 == 0 {
            bits.put(0b01, 2)
        } else {
            bits.put(0b001, 3)
        }
        bits.put(u32::from(negative), 1);
    }
    bits.bytes.resize(header.length(), 0);
    bits.bytes.into()
}
