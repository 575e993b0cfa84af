//! Sound made from text: one tone for each letter and digit, silence for everything else, so that length and melody
//! follow the text. And what can be told about a recording that somebody sends.

mod frames;
mod g711;
mod recording;

use std::{convert::Infallible, f64::consts::TAU};

use axum::body::{Body, Bytes};
use futures::stream;

pub use self::recording::Recording;

/// How long one character sounds unless it is spoken faster or slower, in milliseconds.
const NOTE: f64 = 60.0;
/// The fade at both ends of a tone, in milliseconds.
const FADE: f64 = 5.0;
/// The loudest sample.
const LOUDNESS: f64 = 9_000.0;

/// How sound is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// MPEG layer III, mono.
    Mp3 {
        /// Samples in a second.
        rate: u32,
        /// Kilobits in a second.
        kilobits: u32,
    },
    /// 16 bits, little-endian, mono.
    Pcm {
        /// Samples in a second.
        rate: u32,
    },
    /// µ-law, as telephones have it in America and Japan.
    Ulaw {
        /// Samples in a second.
        rate: u32,
    },
    /// A-law, as telephones have it elsewhere.
    Alaw {
        /// Samples in a second.
        rate: u32,
    },
}

/// A text as sound.
#[derive(Debug, Clone)]
pub struct Melody {
    /// The frequency of each character, in hertz; none for silence.
    tones: Vec<Option<f64>>,
    /// How long each of them sounds, in seconds.
    note: f64,
}

impl Melody {
    /// The sound of `text`, spoken `speed` times as fast as usual.
    pub fn of(text: &str, speed: f64) -> Self {
        let tone = |c: char| c.is_alphanumeric().then(|| 300.0 + 50.0 * f64::from(u32::from(c) % 24));
        Self { tones: text.chars().map(tone).collect(), note: NOTE / 1_000.0 / speed }
    }

    /// When the characters begin and end, in seconds.
    pub fn times(&self) -> impl Iterator<Item = (f64, f64)> {
        (0_u32..).zip(&self.tones).map(|(place, _)| {
            let at = |place: u32| (f64::from(place) * self.note * 1_000.0).round() / 1_000.0;
            (at(place), at(place + 1))
        })
    }

    /// The whole length, in seconds.
    fn seconds(&self) -> f64 {
        self.times().last().map_or(0.0, |(_, end)| end)
    }

    /// What sounds at `at`, and how long it has sounded, both in seconds.
    fn tone(&self, at: f64) -> Option<(f64, f64)> {
        let place = (at / self.note).floor();
        let tone = self.tones.get(whole(place)).copied().flatten()?;
        Some((tone, at - place * self.note))
    }

    fn samples(self, rate: u32) -> impl Iterator<Item = i16> + Send + 'static {
        let count = whole(self.seconds() * f64::from(rate));
        (0_u32..).take(count).map(move |number| {
            let Some((tone, since)) = self.tone(f64::from(number) / f64::from(rate)) else { return 0 };
            let edge = since.min(self.note - since).max(0.0) * 1_000.0;
            ((TAU * tone * since).sin() * LOUDNESS * (edge / FADE).min(1.0)) as i16
        })
    }

    /// The sound in pieces of about a fifth of a second, made while they are taken.
    pub fn pieces(self, format: Format) -> Box<dyn Iterator<Item = Bytes> + Send> {
        match format {
            Format::Mp3 { rate, kilobits } => Box::new(in_groups(frames::frames(self, rate, kilobits), 8)),
            Format::Pcm { rate } => {
                let samples = self.samples(rate).map(|sample| Bytes::copy_from_slice(&sample.to_le_bytes()));
                Box::new(in_groups(samples, rate as usize / 5))
            }
            Format::Ulaw { rate } => Box::new(octets(self.samples(rate).map(g711::ulaw), rate as usize / 5)),
            Format::Alaw { rate } => Box::new(octets(self.samples(rate).map(g711::alaw), rate as usize / 5)),
        }
    }

    /// The sound as one piece.
    pub fn bytes(self, format: Format) -> Vec<u8> {
        self.pieces(format).flatten().collect()
    }

    /// The header of a WAV file whose content is this sound; none for MP3, which needs none.
    pub fn wav_header(&self, format: Format) -> Option<[u8; 44]> {
        let (code, rate, width) = match format {
            Format::Mp3 { .. } => return None,
            Format::Pcm { rate } => (1_u16, rate, 2_u16),
            Format::Alaw { rate } => (6, rate, 1),
            Format::Ulaw { rate } => (7, rate, 1),
        };
        let samples = u32::try_from(whole(self.seconds() * f64::from(rate))).unwrap_or(u32::MAX);
        let length = samples.saturating_mul(u32::from(width));
        let mut header = [0; 44];
        let mut write = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        write(0, b"RIFF");
        write(4, &length.saturating_add(36).to_le_bytes());
        write(8, b"WAVEfmt ");
        write(16, &16_u32.to_le_bytes());
        write(20, &code.to_le_bytes());
        write(22, &1_u16.to_le_bytes());
        write(24, &rate.to_le_bytes());
        write(28, &(rate * u32::from(width)).to_le_bytes());
        write(32, &width.to_le_bytes());
        write(34, &(width * 8).to_le_bytes());
        write(36, b"data");
        write(40, &length.to_le_bytes());
        Some(header)
    }
}

/// A body that is made while it is sent.
pub fn body(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Body {
    Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)))
}

fn octets(samples: impl Iterator<Item = u8> + Send, size: usize) -> impl Iterator<Item = Bytes> + Send {
    let mut samples = samples;
    std::iter::from_fn(move || {
        let piece: Vec<u8> = samples.by_ref().take(size).collect();
        (!piece.is_empty()).then(|| piece.into())
    })
}

fn in_groups(pieces: impl Iterator<Item = Bytes> + Send, size: usize) -> impl Iterator<Item = Bytes> + Send {
    let mut pieces = pieces;
    std::iter::from_fn(move || {
        let group: Vec<u8> = pieces.by_ref().take(size).flatten().collect();
        (!group.is_empty()).then(|| group.into())
    })
}

/// A number that counts something.
fn whole(number: f64) -> usize {
    number.round() as usize
}

#[cfg(test)]
mod tests {
    use super::{recording::Container, *};

    #[test]
    fn length_and_melody_follow_the_text() {
        let format = Format::Pcm { rate: 8_000 };
        let sound = |text: &str| Melody::of(text, 1.0).bytes(format);
        assert_eq!(sound("abc").len(), 3 * 480 * 2);
        assert_eq!(sound("abc"), sound("abc"));
        assert_ne!(sound("abc"), sound("abd"));
        assert!(sound("  ").iter().all(|byte| *byte == 0));
        assert_eq!(Melody::of("abc", 2.0).bytes(format).len(), 3 * 240 * 2);
        let times: Vec<_> = Melody::of("abc", 1.0).times().collect();
        assert_eq!(times, [(0.0, 0.06), (0.06, 0.12), (0.12, 0.18)]);
    }

    #[test]
    fn a_recording_of_each_format_is_as_long_as_its_text() {
        let melody = Melody::of("a quick word", 1.0);
        for format in
            [Format::Pcm { rate: 16_000 }, Format::Ulaw { rate: 8_000 }, Format::Alaw { rate: 8_000 }]
        {
            let mut file = melody.wav_header(format).unwrap().to_vec();
            file.extend(melody.clone().bytes(format));
            let recording = Recording::read(&file).unwrap();
            assert_eq!(recording.container, Container::Wav);
            assert!((recording.seconds - 0.72).abs() < 0.001, "{format:?} {}", recording.seconds);
        }
        for (rate, kilobits) in [(44_100, 128), (44_100, 32), (22_050, 32), (24_000, 48)] {
            let file = melody.clone().bytes(Format::Mp3 { rate, kilobits });
            let recording = Recording::read(&file).unwrap();
            assert_eq!(recording.container, Container::Mp3);
            assert!((recording.seconds - 0.72).abs() < 0.06, "{rate} {}", recording.seconds);
            let expected = recording.seconds * f64::from(kilobits) * 125.0;
            assert!((expected - file.len() as f64).abs() < 600.0, "{rate}: {} bytes", file.len());
        }
    }
}
