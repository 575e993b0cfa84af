//! Carries TwiML out. What cannot be fetched or read is asked of the fallback; without one, Twilio apologises and
//! hangs up.

use url::Url;

use super::{
    callbacks::{Answer, Failure, Kind, Source, Webhook, ask, callable},
    create::Detection,
    exchange::{Happening, Outcome},
    line::Line,
    tell::owned,
    twiml,
    verbs::{Trouble, Verb},
};
use axum::http::Method;

/// Documents that a call may ask for, so that one that only redirects ends.
const DOCUMENTS: u32 = 1_000;
/// Words in a second.
const SPEED: f64 = 2.5;
/// What Twilio says before it gives up.
const APOLOGY: &str = "We are sorry, an application error has occurred. Goodbye.";

/// What is wrong, and with which address.
pub type Fault = (Trouble, String);

/// What comes after a verb.
pub enum Flow {
    /// The next one.
    On,
    /// Another document.
    Go(Source),
    /// Nothing.
    Over,
}

/// How long it takes to say `text`.
pub fn speaking(text: &str) -> f64 {
    text.split_whitespace().count() as f64 / SPEED + 0.4
}

impl Line {
    /// Carries out what `source` holds, to the end of the call.
    pub(super) async fn perform(&mut self, source: Source, outcome: Outcome) {
        if self.answered_by.is_none()
            && let Some(detection) = self.plan.detection.clone()
        {
            self.detect(&detection, outcome).await;
        }
        let mut source = source;
        let mut is_fallback = false;
        for _ in 0..DOCUMENTS {
            let next = match self.document(&source).await {
                Ok((verbs, here)) => {
                    is_fallback = false;
                    self.carry_out(verbs, here.as_ref()).await
                }
                Err(fault) => Err(fault),
            };
            match next {
                Ok(Some(other)) => source = other,
                Ok(None) => return,
                Err((trouble, url)) => {
                    self.trouble(trouble.code, &trouble.message, &url, true);
                    let Some(fallback) = self.plan.fallback.clone().filter(|_| !is_fallback) else {
                        return self.apologise().await;
                    };
                    is_fallback = true;
                    let told = owned([("ErrorCode", trouble.code.to_string()), ("ErrorUrl", url)]);
                    source = Source::Fetch(Kind::Twiml, fallback, told);
                }
            }
        }
        self.trouble(11_200, "The call asked for too many documents", "", true);
        self.apologise().await;
    }

    async fn apologise(&self) {
        self.note(Happening::Say { text: APOLOGY.to_owned(), voice: None, language: None });
        self.pass(speaking(APOLOGY)).await;
        self.note(Happening::Hangup {});
    }

    /// Finds out who answered.
    async fn detect(&mut self, detection: &Detection, outcome: Outcome) {
        let (who, seconds) = match (outcome, detection.to_the_end) {
            (Outcome::Machine, false) => ("machine_start", 3.0),
            (Outcome::Machine, true) => ("machine_end_beep", 9.0),
            (Outcome::Fax, _) => ("fax", 4.0),
            _ => ("human", 2.0),
        };
        let milliseconds = (seconds * 1000.0) as u64;
        let Some(callback) = &detection.meanwhile else {
            self.pass(seconds).await;
            self.set_answered_by(who);
            self.answered_by = Some((who, milliseconds));
            return;
        };
        self.set_answered_by(who);
        let Some(hook) = callback else { return };
        let request = self.request(
            Kind::MachineDetection,
            hook,
            owned([
                ("AccountSid", self.plan.account_sid.clone()),
                ("AnsweredBy", who.to_owned()),
                ("CallSid", self.call.clone()),
                ("MachineDetectionDuration", milliseconds.to_string()),
            ]),
        );
        let (told, wait) = (self.told.clone(), self.pace.of(seconds));
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            // Nobody listens once the simulator has been reset.
            let _ = told.send(request);
        });
    }

    fn set_answered_by(&self, who: &'static str) {
        if let Some(call) = self.simulator.lock().telephony.call(&self.call) {
            call.answered_by = Some(who);
        }
    }

    /// What `source` holds, and where it came from.
    async fn document(&mut self, source: &Source) -> Result<(Vec<Verb>, Option<Webhook>), Fault> {
        let (kind, hook, told) = match source {
            Source::Inline(text) => {
                let verbs = self.read(text).map_err(|trouble| (trouble, String::new()))?;
                return Ok((verbs, None));
            }
            Source::Fetch(kind, hook, told) => (*kind, hook, told),
        };
        let mut params = self.params("in-progress");
        params.extend(told.iter().cloned());
        let answer = ask(&self.simulator, &self.request(kind, hook, params)).await;
        let url = hook.url.to_string();
        let status = answer.as_ref().ok().map(|answer| answer.status);
        self.note(Happening::Fetch { url: url.clone(), status });
        let verbs =
            taken(answer).and_then(|answer| self.verbs(&answer, &url)).map_err(|trouble| (trouble, url))?;
        Ok((verbs, Some(hook.clone())))
    }

    fn verbs(&self, answer: &Answer, url: &str) -> Result<Vec<Verb>, Trouble> {
        let text = String::from_utf8_lossy(&answer.body);
        match answer.content_type.as_deref().unwrap_or_default() {
            "text/xml" | "application/xml" | "text/html" => self.read(&text),
            "text/plain" => {
                Ok(vec![Verb::Say { text: text.into_owned(), voice: None, language: None, times: 1 }])
            }
            audio if audio.starts_with("audio/") => {
                self.note(Happening::Play {
                    url: url.to_owned(),
                    content_type: answer.content_type.clone(),
                    bytes: answer.body.len(),
                });
                Ok(vec![Verb::Pause { seconds: sounding(answer.body.len()) as u32 + 1 }])
            }
            _ => Err(Trouble::new(12_300, "Invalid Content-Type")),
        }
    }

    fn read(&self, text: &str) -> Result<Vec<Verb>, Trouble> {
        let (verbs, warnings) = twiml::read(text)?;
        for warning in warnings {
            self.trouble(warning.code, &warning.message, "", false);
        }
        Ok(verbs)
    }

    /// Carries out `verbs`, which came from `here`; what follows them, if anything.
    async fn carry_out(&mut self, verbs: Vec<Verb>, here: Option<&Webhook>) -> Result<Option<Source>, Fault> {
        for verb in verbs {
            let flow = match verb {
                Verb::Gather(gather) => self.gather(*gather, here).await?,
                Verb::Record(record) => self.record(*record, here).await?,
                Verb::Redirect { url, method } => {
                    let hook = Webhook { url: resolve(&url, here)?, method };
                    self.note(Happening::Redirect { url: hook.url.to_string() });
                    Flow::Go(Source::Fetch(Kind::Twiml, hook, Vec::new()))
                }
                Verb::Hangup | Verb::Reject => Flow::Over,
                Verb::NotSimulated(verb) => {
                    self.note(Happening::NotSimulated { verb });
                    Flow::Over
                }
                spoken => {
                    self.speak(&spoken, here).await;
                    Flow::On
                }
            };
            match flow {
                Flow::On => {}
                Flow::Go(source) => return Ok(Some(source)),
                Flow::Over => break,
            }
        }
        self.note(Happening::Hangup {});
        Ok(None)
    }

    /// Says, plays, or waits.
    pub(super) async fn speak(&self, verb: &Verb, here: Option<&Webhook>) {
        match verb {
            Verb::Say { text, voice, language, times } => {
                for _ in 0..*times {
                    self.note(Happening::Say {
                        text: text.clone(),
                        voice: voice.clone(),
                        language: language.clone(),
                    });
                    self.pass(speaking(text)).await;
                }
            }
            Verb::Play { digits: Some(digits), .. } => {
                self.note(Happening::Press { digits: digits.clone() });
                self.pass(0.5 * digits.len() as f64).await;
            }
            Verb::Play { url, times, .. } => self.play(url, *times, here).await,
            Verb::Pause { seconds } => {
                self.note(Happening::Pause { seconds: f64::from(*seconds) });
                self.pass(f64::from(*seconds)).await;
            }
            _ => {}
        }
    }

    /// Plays a file. One that cannot be had is an error, and the call goes on.
    async fn play(&self, url: &str, times: u32, here: Option<&Webhook>) {
        let url = match resolve(url, here) {
            Ok(url) => url,
            Err((trouble, url)) => return self.trouble(trouble.code, &trouble.message, &url, true),
        };
        let hook = Webhook { url: url.clone(), method: Method::GET };
        let answer = ask(&self.simulator, &self.request(Kind::Media, &hook, Vec::new())).await;
        let sound = taken(answer).and_then(|answer| {
            let is_sound = answer.content_type.as_deref().is_some_and(|kind| kind.starts_with("audio/"));
            if is_sound { Ok(answer) } else { Err(Trouble::new(12_300, "Invalid Content-Type")) }
        });
        match sound {
            Err(trouble) => self.trouble(trouble.code, &trouble.message, url.as_str(), true),
            Ok(sound) => {
                for _ in 0..times {
                    self.note(Happening::Play {
                        url: url.to_string(),
                        content_type: sound.content_type.clone(),
                        bytes: sound.body.len(),
                    });
                    self.pass(sounding(sound.body.len())).await;
                }
            }
        }
    }
}

/// How long a file of so many bytes sounds: about 16,000 bytes a second.
fn sounding(bytes: usize) -> f64 {
    (bytes as f64 / 16_000.0).clamp(0.5, 600.0)
}

/// The address that a document names, relative to where it came from; nothing is its own address.
pub fn resolve(text: &str, here: Option<&Webhook>) -> Result<Url, Fault> {
    let joined = match here {
        Some(here) if text.is_empty() => Some(here.url.clone()),
        Some(here) => here.url.join(text).ok(),
        None => Url::parse(text).ok(),
    };
    joined
        .and_then(|url| callable(url.as_str()))
        .ok_or_else(|| (Trouble::new(11_100, format!("Invalid URL format: {text}")), text.to_owned()))
}

/// An answer that can be used.
fn taken(answer: Result<Answer, Failure>) -> Result<Answer, Trouble> {
    match answer {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(answer),
        Ok(answer) => Err(Trouble::new(
            11_200,
            format!("HTTP retrieval failure: the answer had the HTTP status code {}", answer.status),
        )),
        Err(Failure::TooLarge) => Err(Trouble::new(11_750, "TwiML response body too large")),
        Err(Failure::Unreachable | Failure::Broken | Failure::TimedOut) => {
            Err(Trouble::new(11_205, "HTTP connection failure"))
        }
    }
}
