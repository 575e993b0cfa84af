//! What can be told about a recording without listening to it.

use super::frames::Header;

/// How a recording is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// RIFF WAVE.
    Wav,
    /// MPEG layer III.
    Mp3,
    /// Free Lossless Audio Codec.
    Flac,
    /// Ogg, with whatever in it.
    Ogg,
    /// WebM or Matroska.
    Webm,
    /// MPEG-4.
    Mp4,
}

/// A recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recording {
    /// How it is packed.
    pub container: Container,
    /// Its length. Of WAV and MP3 it is read, of the others guessed from a usual bit rate.
    pub seconds: f64,
}

impl Recording {
    /// The recording in `bytes`, if they look like one.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let usual = bytes.len() as f64 / 8_000.0;
        let (container, seconds) = match bytes {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => (Container::Wav, wav(bytes)?),
            [b'f', b'L', b'a', b'C', ..] => (Container::Flac, usual),
            [b'O', b'g', b'g', b'S', ..] => (Container::Ogg, usual),
            [0x1a, 0x45, 0xdf, 0xa3, ..] => (Container::Webm, usual),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => (Container::Mp4, usual),
            _ => (Container::Mp3, mp3(bytes)?),
        };
        Some(Self { container, seconds })
    }
}

/// The length of the samples by the bytes of a second, both from their chunks.
fn wav(bytes: &[u8]) -> Option<f64> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (mut at, mut each) = (12, None);
    loop {
        let (name, size) = (bytes.get(at..at + 4)?, number(at + 4)?);
        match name {
            b"fmt " => each = number(at + 16),
            b"data" => {
                // Whoever streams a file does not know the size when writing the header.
                let there = size.min(u32::try_from(bytes.len() - at - 8).ok()?);
                return each.filter(|each| *each > 0).map(|each| f64::from(there) / f64::from(each));
            }
            _ => {}
        }
        at = at.checked_add(8 + size as usize + size as usize % 2)?;
    }
}

/// The frames one after the other, from the first one on.
fn mp3(bytes: &[u8]) -> Option<f64> {
    let mut at = if bytes.starts_with(b"ID3") {
        let size = bytes.get(6..10)?.iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        10 + size
    } else {
        0
    };
    let mut seconds = None;
    while let Some(header) = bytes.get(at..).and_then(Header::read) {
        seconds = Some(seconds.unwrap_or(0.0) + header.seconds());
        at += header.length();
    }
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_recording_is_none() {
        for bytes in [&b""[..], b"RIFF\0\0\0\0WAVE", b"a text about tea", b"ID3", b"\xff\xfb", b"%PDF-1.7"] {
            assert_eq!(Recording::read(bytes), None, "{bytes:?}");
        }
        let cut = [b"RIFF\0\0\0\0WAVEdata".as_slice(), &u32::MAX.to_le_bytes()].concat();
        assert_eq!(Recording::read(&cut), None);
        assert_eq!(Recording::read(b"OggS\0").map(|recording| recording.container), Some(Container::Ogg));
    }
}
