//! `Gather` and `Record`: what the callee says and presses, as its script has it.

use super::{
    callbacks::{Kind, Source, Webhook, ask},
    exchange::{Happening, Turn},
    line::Line,
    perform::{Fault, Flow, resolve, speaking},
    tell::owned,
    twiml::is_key,
    verbs::{Gather, Record},
};

/// How sure the recognition is unless the script says.
const CONFIDENCE: f64 = 0.93;

/// What was heard.
#[derive(Default)]
struct Heard {
    speech: Option<String>,
    confidence: Option<f64>,
    digits: Option<String>,
}

impl Line {
    /// Listens, and tells what was heard.
    pub(super) async fn gather(&mut self, gather: Gather, here: Option<&Webhook>) -> Result<Flow, Fault> {
        let hook = Webhook { url: resolve(&gather.action, here)?, method: gather.method.clone() };
        self.note(Happening::Gather {
            input: gather.input.clone(),
            language: gather.language.clone(),
            hints: gather.hints.clone(),
        });
        let turn = self.turns.pop_front().unwrap_or_default();
        let meant = (turn.says.is_some() && gather.hears("speech"))
            || (turn.presses.is_some() && gather.hears("dtmf"))
            || turn.hangs_up;
        let mut began = false;
        let prompt = async {
            for verb in &gather.prompt {
                self.speak(verb, here).await;
            }
        };
        if meant && turn.interrupts && gather.barge_in {
            tokio::select! {
                () = prompt => {}
                () = self.pass(turn.after) => began = true,
            }
        } else {
            prompt.await;
        }
        if began {
            self.note(Happening::Interrupted {});
        }
        if turn.hangs_up {
            self.pass(if began { 0.0 } else { turn.after }).await;
            self.note(Happening::CalleeHangsUp {});
            return Ok(Flow::Over);
        }
        let heard = if meant { self.hear(&gather, &turn, began).await } else { None };
        let Some(heard) = heard else {
            if !meant {
                self.pass(f64::from(gather.timeout)).await;
            }
            self.note(Happening::Silence {});
            if !gather.empty_too {
                return Ok(Flow::On);
            }
            let empty = gather.hears("dtmf").then_some(("Digits", ""));
            return Ok(Flow::Go(Source::Fetch(Kind::Action, hook, owned(empty))));
        };
        let mut told = Vec::new();
        if let Some(digits) = &heard.digits {
            told.push(("Digits", digits.clone()));
        }
        if let (Some(speech), Some(confidence)) = (&heard.speech, heard.confidence) {
            told.push(("SpeechResult", speech.clone()));
            told.push(("Confidence", confidence.to_string()));
        }
        let told = owned(told);
        self.note(Happening::Heard {
            speech: heard.speech,
            confidence: heard.confidence,
            digits: heard.digits,
        });
        Ok(Flow::Go(Source::Fetch(Kind::Action, hook, told)))
    }

    /// What is heard of `turn`, if the callee begins before `gather` gives up.
    async fn hear(&self, gather: &Gather, turn: &Turn, began: bool) -> Option<Heard> {
        let timeout = f64::from(gather.timeout);
        if !began && turn.after >= timeout {
            self.pass(timeout).await;
            return None;
        }
        if !began {
            self.pass(turn.after).await;
        }
        if let Some(keys) = turn.presses.as_deref().filter(|_| gather.hears("dtmf")) {
            let (digits, finished) = collect(keys, gather.finish, gather.digits);
            if !finished {
                self.pass(timeout).await;
            }
            return (!digits.is_empty()).then(|| Heard { digits: Some(digits), ..Heard::default() });
        }
        let speech = turn.says.clone()?;
        self.pass(speaking(&speech) + f64::from(gather.speech_timeout.unwrap_or(1))).await;
        let confidence = Some(turn.confidence.unwrap_or(CONFIDENCE));
        Some(Heard { speech: Some(speech), confidence, digits: None })
    }

    /// Records what is said, and tells where it lies. Silence alone is no recording.
    pub(super) async fn record(&mut self, record: Record, here: Option<&Webhook>) -> Result<Flow, Fault> {
        let hook = Webhook { url: resolve(&record.action, here)?, method: record.method.clone() };
        let callback = match &record.callback {
            Some(address) => {
                let hook = Webhook { url: resolve(address, here)?, method: record.callback_method.clone() };
                Some((hook, vec!["completed".to_owned()]))
            }
            None => None,
        };
        let turn = self.turns.pop_front().unwrap_or_default();
        let timeout = f64::from(record.timeout);
        let key =
            turn.presses.as_deref().and_then(|keys| keys.chars().find(|key| record.finish.contains(*key)));
        if (turn.says.is_none() && key.is_none() && !turn.hangs_up) || turn.after >= timeout {
            self.pass(timeout).await;
            self.note(Happening::Silence {});
            return Ok(Flow::On);
        }
        let spoken = turn.after + turn.says.as_deref().map_or(0.0, speaking);
        let length = spoken.min(f64::from(record.longest));
        self.pass(length).await;
        if key.is_none() && !turn.hangs_up && length < f64::from(record.longest) {
            self.pass(timeout).await;
        }
        let seconds = (length.ceil() as u64).max(1);
        let recording = self.recording("RecordVerb", 1, seconds);
        self.note(Happening::Recorded { recording: recording.clone(), seconds });
        let mut told = owned([
            ("RecordingSid", recording.clone()),
            ("RecordingUrl", self.recording_url(&recording)),
            ("RecordingDuration", seconds.to_string()),
        ]);
        match (turn.hangs_up, key) {
            (true, _) => told.extend(owned([("Digits", "hangup")])),
            (false, Some(key)) => told.extend(owned([("Digits", key.to_string())])),
            _ => {}
        }
        self.complete(&recording, seconds, callback.as_ref()).await;
        if turn.hangs_up {
            self.note(Happening::CalleeHangsUp {});
            let mut params = self.params("completed");
            params.extend(told);
            // Nobody is left to hear what it would say.
            let _ = ask(&self.simulator, &self.request(Kind::Action, &hook, params)).await;
            return Ok(Flow::Over);
        }
        Ok(Flow::Go(Source::Fetch(Kind::Action, hook, told)))
    }
}

/// The digits that are taken of `keys`, and whether they were enough to stop at once.
fn collect(keys: &str, finish: Option<char>, most: Option<usize>) -> (String, bool) {
    let mut digits = String::new();
    for key in keys.chars().filter(|key| is_key(*key)) {
        if finish == Some(key) {
            return (digits, true);
        }
        digits.push(key);
        if most == Some(digits.len()) {
            return (digits, true);
        }
    }
    (digits, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_to_the_finish_or_the_number() {
        let taken = |digits: &str, finished| (digits.to_owned(), finished);
        assert_eq!(collect("12#34", Some('#'), None), taken("12", true));
        assert_eq!(collect("12#34", None, Some(4)), taken("12#3", true));
        assert_eq!(collect("1 2w", Some('#'), Some(4)), taken("12", false));
        assert_eq!(collect("#", Some('#'), None), taken("", true));
    }
}
