//! Recordings: their records, and the sound itself.

use std::f64::consts::TAU;

use serde_json::{Value, json};

use super::{facts::Facts, paging::rfc2822};
use crate::model::time::Timestamp;

/// Samples in a second.
const RATE: u32 = 8_000;
/// Longer recordings are cut, so that nobody gets hundreds of megabytes.
const LONGEST: u64 = 600;

/// A recording.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Its SID.
    pub sid: String,
    /// The place of its account.
    pub owner: usize,
    /// The call.
    pub call: String,
    /// When it was begun.
    pub started: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// Its length in seconds.
    pub seconds: u64,
    /// One channel, or one for each side.
    pub channels: u8,
    /// `OutboundAPI` or `RecordVerb`.
    pub source: &'static str,
    /// `in-progress`, `processing` or `completed`.
    pub status: &'static str,
}

impl Recording {
    /// Where it lies, below the account.
    pub fn path(&self) -> String {
        format!("/Recordings/{}", self.sid)
    }

    /// The resource.
    pub fn resource(&self, facts: &Facts, base: &str) -> Value {
        let done = self.status == "completed";
        let path = facts.path(&self.path());
        json!({
            "sid": self.sid,
            "account_sid": facts.sid,
            "call_sid": self.call,
            "conference_sid": null,
            "api_version": "2010-04-01",
            "date_created": rfc2822(self.started),
            "date_updated": rfc2822(self.updated),
            "start_time": rfc2822(self.started),
            "duration": if done { self.seconds.to_string() } else { "-1".to_owned() },
            "channels": self.channels,
            "source": self.source,
            "status": self.status,
            "error_code": null,
            "price": done.then(|| format!("-{:.5}", 0.0025 * self.seconds.div_ceil(60).max(1) as f64)),
            "price_unit": "USD",
            "encryption_details": null,
            "media_url": format!("{base}{path}"),
            "uri": format!("{path}.json"),
            "subresource_uris": {
                "transcriptions": format!("{path}/Transcriptions.json"),
                "add_on_results": format!("{path}/AddOnResults.json"),
            },
        })
    }

    /// The sound: a quiet tone, 16 bits, 8,000 samples a second.
    pub fn wav(&self) -> Vec<u8> {
        let channels = u32::from(self.channels);
        let frames = RATE * self.seconds.min(LONGEST) as u32;
        let (frame, data) = (channels * 2, frames * channels * 2);
        let mut file = Vec::with_capacity(44 + data as usize);
        file.extend_from_slice(b"RIFF");
        file.extend_from_slice(&(36 + data).to_le_bytes());
        file.extend_from_slice(b"WAVEfmt ");
        file.extend_from_slice(&16_u32.to_le_bytes());
        file.extend_from_slice(&1_u16.to_le_bytes());
        file.extend_from_slice(&u16::from(self.channels).to_le_bytes());
        file.extend_from_slice(&RATE.to_le_bytes());
        file.extend_from_slice(&(RATE * frame).to_le_bytes());
        file.extend_from_slice(&(channels as u16 * 2).to_le_bytes());
        file.extend_from_slice(&16_u16.to_le_bytes());
        file.extend_from_slice(b"data");
        file.extend_from_slice(&data.to_le_bytes());
        // A period of 400 Hz has 20 samples.
        let period: Vec<[u8; 2]> = (0..20)
            .map(|at| ((f64::from(at) * TAU / 20.0).sin() * 2_000.0) as i16)
            .map(i16::to_le_bytes)
            .collect();
        for sample in period.iter().cycle().take(frames as usize) {
            for _ in 0..channels {
                file.extend_from_slice(sample);
            }
        }
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sound_is_a_wave_file_of_the_right_length() {
        let recording = Recording {
            sid: "RE1".to_owned(),
            owner: 0,
            call: "CA1".to_owned(),
            started: Timestamp::from_seconds(0),
            updated: Timestamp::from_seconds(0),
            seconds: 3,
            channels: 2,
            source: "OutboundAPI",
            status: "completed",
        };
        let file = recording.wav();
        assert_eq!((&file[..4], &file[8..16], &file[36..40]), (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..]));
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        assert_eq!((number(4) as usize, number(40) as usize), (file.len() - 8, file.len() - 44));
        assert_eq!((number(24), number(28), number(40)), (8_000, 32_000, 3 * 8_000 * 4));
        assert!(file[44..].iter().any(|byte| *byte != 0));
    }
}
