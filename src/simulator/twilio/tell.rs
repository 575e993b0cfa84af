//! What a call tells, and its recordings.

use super::{
    callbacks::{Kind, Request, Webhook},
    create::Event,
    line::Line,
    paging::rfc2822,
    recordings::Recording,
    sid,
};
use crate::simulator::state::now;

impl Line {
    /// A new recording of the call, under way.
    pub(super) fn recording(&self, source: &'static str, channels: u8, seconds: u64) -> String {
        let (at, new) = (now(), sid("RE"));
        self.simulator.lock().telephony.recordings.push(Recording {
            sid: new.clone(),
            owner: self.owner,
            call: self.call.clone(),
            started: at,
            updated: at,
            seconds,
            channels,
            source,
            status: "in-progress",
        });
        new
    }

    /// The recording is ready, a moment later.
    pub(super) async fn complete(
        &self,
        recording: &str,
        seconds: u64,
        callback: Option<&(Webhook, Vec<String>)>,
    ) {
        let set = |status: &'static str| {
            let mut state = self.simulator.lock();
            if let Some(known) = state.telephony.recordings.iter_mut().find(|known| known.sid == recording) {
                (known.seconds, known.status, known.updated) = (seconds, status, now());
            }
        };
        set("processing");
        self.pass(1.0).await;
        set("completed");
        self.tell_recording(recording, "completed", callback);
    }

    /// Where the sound of a recording lies.
    pub(super) fn recording_url(&self, recording: &str) -> String {
        format!("{}/2010-04-01/Accounts/{}/Recordings/{recording}", self.plan.base, self.plan.account_sid)
    }

    pub(super) fn tell_recording(
        &self,
        recording: &str,
        status: &str,
        callback: Option<&(Webhook, Vec<String>)>,
    ) {
        let Some((hook, _)) = callback.filter(|(_, events)| events.iter().any(|event| event == status))
        else {
            return;
        };
        let known = {
            let state = self.simulator.lock();
            state.telephony.recordings.iter().find(|known| known.sid == recording).cloned()
        };
        let Some(known) = known else { return };
        let mut params = vec![
            ("AccountSid", self.plan.account_sid.clone()),
            ("CallSid", self.call.clone()),
            ("RecordingSid", recording.to_owned()),
            ("RecordingUrl", self.recording_url(recording)),
            ("RecordingStatus", status.to_owned()),
            ("RecordingChannels", known.channels.to_string()),
            ("RecordingSource", known.source.to_owned()),
            ("RecordingTrack", "both".to_owned()),
            ("RecordingStartTime", rfc2822(known.started)),
            ("ErrorCode", "0".to_owned()),
        ];
        if status == "completed" {
            params.push(("RecordingDuration", known.seconds.to_string()));
        }
        self.tell(Kind::Recording, hook, owned(params));
    }

    /// Puts a request that expects no answer into the queue.
    pub(super) fn tell(&self, kind: Kind, hook: &Webhook, params: Vec<(String, String)>) {
        // The queue is read as long as anybody can fill it.
        let _ = self.told.send(self.request(kind, hook, params));
    }

    /// A request about this call.
    pub(super) fn request(&self, kind: Kind, hook: &Webhook, params: Vec<(String, String)>) -> Request {
        Request { call: self.call.clone(), kind, hook: hook.clone(), params, token: self.plan.token.clone() }
    }

    /// The parameters that every request about a call has.
    pub(super) fn params(&self, status: &str) -> Vec<(String, String)> {
        let plan = &self.plan;
        let mut params = vec![
            ("AccountSid", plan.account_sid.as_str()),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", &self.call),
            ("CallStatus", status),
            ("Called", &plan.to),
            ("Caller", &plan.from),
            ("Direction", "outbound-api"),
            ("From", &plan.from),
            ("To", &plan.to),
        ];
        // Twilio knows nothing of these places, and says so.
        for name in ["CalledCity", "CalledState", "CalledZip", "ToCity", "ToState", "ToZip"] {
            params.push((name, ""));
        }
        for name in ["CallerCity", "CallerState", "CallerZip", "FromCity", "FromState", "FromZip"] {
            params.push((name, ""));
        }
        for name in ["CalledCountry", "ToCountry", "CallerCountry", "FromCountry"] {
            params.push((name, "US"));
        }
        let mut params = owned(params);
        if let Some((who, milliseconds)) = self.answered_by {
            params.push(("AnsweredBy".to_owned(), who.to_owned()));
            params.push(("MachineDetectionDuration".to_owned(), milliseconds.to_string()));
        }
        params
    }

    /// Tells the event, if somebody wants to hear it.
    pub(super) fn fire(&mut self, event: Event, status: &str, more: Vec<(String, String)>) {
        let Some(hook) = self.plan.tells(event).cloned() else { return };
        let mut params = self.params(status);
        params.extend(owned([
            ("CallbackSource", "call-progress-events".to_owned()),
            ("SequenceNumber", self.sequence.to_string()),
            ("Timestamp", rfc2822(now())),
        ]));
        params.extend(more);
        self.sequence += 1;
        self.tell(Kind::Status, &hook, params);
    }
}

/// Names and values as they are sent.
pub fn owned<'a, V: Into<String>>(params: impl IntoIterator<Item = (&'a str, V)>) -> Vec<(String, String)> {
    params.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}
