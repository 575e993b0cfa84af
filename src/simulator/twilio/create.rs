//! The order of a new call, checked as Twilio checks it: <https://www.twilio.com/docs/voice/api/call-resource>,
//! `/docs/iam/test-credentials`, `/docs/api/errors/21205` and its neighbours. Twilio's codes for a bad `FallbackUrl`,
//! `Record`, `MachineDetection` and the like are not documented; they are 20001 here.

use axum::http::{Method, StatusCode};

use super::{
    callbacks::{Kind, Source, Webhook, callable},
    error,
    facts::Facts,
};
use crate::simulator::credential::Params;

/// The longest TwiML that is taken in place of an address, in characters.
const TWIML_LIMIT: usize = 4_000;
/// Numbers that are refused, as Twilio's test numbers are.
const REFUSED: [(&str, u32, &str); 4] = [
    ("+15005550001", 21_217, "Phone number does not appear to be valid"),
    ("+15005550002", 21_214, "The phone number you are attempting to call cannot be reached"),
    ("+15005550003", 21_215, "Account not authorized to call this country"),
    ("+15005550004", 21_216, "Account not allowed to call this number"),
];

/// A moment of a call that can be called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It is dialled.
    Initiated,
    /// It rings.
    Ringing,
    /// It was answered.
    Answered,
    /// It is over, however it ended.
    Completed,
}

/// What is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// One channel, or one for each side.
    pub channels: u8,
    /// Who is told, and about which statuses.
    pub callback: Option<(Webhook, Vec<String>)>,
}

/// What is to be found out about who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// To wait until a machine's message is over.
    pub to_the_end: bool,
    /// To go on meanwhile, and to tell this address.
    pub meanwhile: Option<Option<Webhook>>,
}

/// The order of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The account.
    pub account_sid: String,
    /// What signs its callbacks.
    pub token: String,
    /// Where the API was called, for links.
    pub base: String,
    /// Who is called.
    pub to: String,
    /// Who calls.
    pub from: String,
    /// What to do once it is answered.
    pub source: Source,
    /// What to ask when that fails.
    pub fallback: Option<Webhook>,
    /// Who is told about it, and when.
    pub status: Option<(Webhook, Vec<Event>)>,
    /// An event that Twilio does not know: nothing is told then.
    pub unknown_event: Option<String>,
    /// Seconds of ringing at most.
    pub timeout: u32,
    /// Seconds of the call at most.
    pub time_limit: u32,
    /// Keys to press once it is answered.
    pub digits: Option<String>,
    /// What is recorded.
    pub record: Option<Record>,
    /// What is found out.
    pub detection: Option<Detection>,
}

/// Why an order is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal(pub u32, pub String);

impl From<Refusal> for axum::response::Response {
    fn from(Refusal(code, message): Refusal) -> Self {
        error(StatusCode::BAD_REQUEST, code, &message)
    }
}

fn refuse<T>(code: u32, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(code, message.into()))
}

/// A number in E.164, from the ways in which people write one.
fn e164(text: &str) -> Option<String> {
    let number: String = text.chars().filter(|c| !matches!(c, ' ' | '(' | ')' | '-' | '.')).collect();
    let digits = number.strip_prefix('+')?;
    let length = if digits.starts_with('1') { 11..=11 } else { 8..=15 };
    let starts_well = digits.starts_with(|c: char| ('1'..='9').contains(&c));
    (starts_well && digits.bytes().all(|b| b.is_ascii_digit()) && length.contains(&digits.len()))
        .then_some(number)
}

fn method(form: &Params, name: &str) -> Result<Method, Refusal> {
    match form.get(name).map(str::to_ascii_uppercase).as_deref() {
        None | Some("POST") => Ok(Method::POST),
        Some("GET") => Ok(Method::GET),
        Some(_) => refuse(20_001, format!("{name} must be GET or POST")),
    }
}

/// The address `name`, with its method; one that may not be called is refused with `code`.
fn webhook(form: &Params, name: &str, method_name: &str, code: u32) -> Result<Option<Webhook>, Refusal> {
    let Some(text) = form.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let method = method(form, method_name)?;
    match callable(text) {
        Some(url) => Ok(Some(Webhook { url, method })),
        None if code == 21_609 => refuse(code, format!("The {name} URL {text} is not a valid URL.")),
        None => refuse(code, format!("{name} is not a valid URL: {text}")),
    }
}

fn flag(form: &Params, name: &str) -> Result<bool, Refusal> {
    match form.get(name).map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => refuse(20_001, format!("{name} must be true or false")),
    }
}

/// A whole number from 1, at most `limit`.
fn seconds(form: &Params, name: &str, usual: u32, limit: u32, code: u32) -> Result<u32, Refusal> {
    let Some(text) = form.get(name) else { return Ok(usual) };
    match text.parse() {
        Ok(seconds) if (1..=limit).contains(&seconds) => Ok(seconds),
        _ => refuse(code, format!("{name} must be a positive integer of at most {limit}")),
    }
}

/// TwiML from `Url` or `Twiml`; the first counts where both are given.
pub fn source(form: &Params) -> Result<Option<Source>, Refusal> {
    if let Some(hook) = webhook(form, "Url", "Method", 21_205)? {
        return Ok(Some(Source::Fetch(Kind::Twiml, hook, Vec::new())));
    }
    match form.get("Twiml") {
        Some(twiml) if twiml.chars().count() > TWIML_LIMIT => {
            refuse(20_001, format!("Twiml must be at most {TWIML_LIMIT} characters"))
        }
        Some(twiml) if !twiml.is_empty() => Ok(Some(Source::Inline(twiml.to_owned()))),
        _ => Ok(None),
    }
}

impl Plan {
    /// The order in `form`, from an account whose API was called at `base`.
    pub fn read(form: &Params, facts: &Facts, base: &str) -> Result<Self, Refusal> {
        let (to, from) = numbers(form, facts)?;
        if form.get("ApplicationSid").is_some() {
            return refuse(21_218, "Invalid ApplicationSid");
        }
        let Some(source) = source(form)? else {
            return refuse(
                21_205,
                "Url parameter is required. For more information, see http://www.twilio.com/docs/api/twiml",
            );
        };
        let (status, unknown_event) = status(form)?;
        let digits = form.get("SendDigits").filter(|digits| !digits.is_empty());
        if digits.is_some_and(|digits| !digits.chars().all(|c| "0123456789*#wW".contains(c))) {
            return refuse(21_207, "Invalid SendDigits");
        }
        Ok(Self {
            account_sid: facts.sid.clone(),
            token: facts.auth_token.clone(),
            base: base.to_owned(),
            to,
            from,
            source,
            fallback: webhook(form, "FallbackUrl", "FallbackMethod", 20_001)?,
            status,
            unknown_event,
            timeout: seconds(form, "Timeout", 60, 600, 21_208)?,
            time_limit: seconds(form, "TimeLimit", 14_400, 86_400, 20_001)?,
            digits: digits.map(str::to_owned),
            record: record(form)?,
            detection: detection(form)?,
        })
    }

    /// Whether `event` is called back.
    pub fn tells(&self, event: Event) -> Option<&Webhook> {
        let (hook, events) = self.status.as_ref()?;
        events.contains(&event).then_some(hook)
    }
}

fn numbers(form: &Params, facts: &Facts) -> Result<(String, String), Refusal> {
    let Some(given) = form.get("To").filter(|to| !to.is_empty()) else {
        return refuse(21_201, "No 'To' number is specified");
    };
    let Some(to) = e164(given) else {
        return refuse(
            21_211,
            format!("The phone number you are attempting to call, {given}, is not valid."),
        );
    };
    let Some(given) = form.get("From").filter(|from| !from.is_empty()) else {
        return refuse(21_213, "No 'From' number is specified");
    };
    let Some(from) = e164(given).filter(|from| from != "+15005550001") else {
        return refuse(21_212, format!("From is not a valid phone number: {given}"));
    };
    if !facts.calls_from(&from) {
        return refuse(
            21_210,
            format!(
                "The source phone number provided, {from}, is not yet verified for your account. You may only \
                 make calls from phone numbers that you've verified or purchased from Twilio."
            ),
        );
    }
    if let Some((_, code, message)) = REFUSED.iter().find(|(number, ..)| *number == to) {
        return refuse(*code, format!("{message}: {to}"));
    }
    if !facts.may_call(&to) {
        return refuse(
            21_219,
            format!("The number {to} is unverified. Trial accounts may only make calls to verified numbers."),
        );
    }
    Ok((to, from))
}

type Told = Option<(Webhook, Vec<Event>)>;

/// Who is told about the call. An event that Twilio does not know is a warning, and nobody is told anything.
fn status(form: &Params) -> Result<(Told, Option<String>), Refusal> {
    let Some(hook) = webhook(form, "StatusCallback", "StatusCallbackMethod", 21_609)? else {
        return Ok((None, None));
    };
    let mut events = Vec::new();
    for name in form.all("StatusCallbackEvent") {
        events.push(match name {
            "initiated" => Event::Initiated,
            "ringing" => Event::Ringing,
            "answered" => Event::Answered,
            "completed" => Event::Completed,
            other => return Ok((None, Some(other.to_owned()))),
        });
    }
    if events.is_empty() {
        events.push(Event::Completed);
    }
    Ok((Some((hook, events)), None))
}

fn record(form: &Params) -> Result<Option<Record>, Refusal> {
    if !flag(form, "Record")? {
        return Ok(None);
    }
    let channels = match form.get("RecordingChannels") {
        None | Some("mono") => 1,
        Some("dual") => 2,
        Some(_) => return refuse(20_001, "RecordingChannels must be mono or dual"),
    };
    let hook = webhook(form, "RecordingStatusCallback", "RecordingStatusCallbackMethod", 20_001)?;
    let mut events: Vec<String> = form.all("RecordingStatusCallbackEvent").map(str::to_owned).collect();
    if events.iter().any(|event| !matches!(event.as_str(), "in-progress" | "completed" | "absent")) {
        return refuse(20_001, "RecordingStatusCallbackEvent must be in-progress, completed or absent");
    }
    if events.is_empty() {
        events.push("completed".to_owned());
    }
    Ok(Some(Record { channels, callback: hook.map(|hook| (hook, events)) }))
}

fn detection(form: &Params) -> Result<Option<Detection>, Refusal> {
    let to_the_end = match form.get("MachineDetection") {
        None | Some("") => return Ok(None),
        Some("Enable") => false,
        Some("DetectMessageEnd") => true,
        Some(_) => return refuse(20_001, "MachineDetection must be Enable or DetectMessageEnd"),
    };
    let hook = webhook(form, "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod", 20_001)?;
    Ok(Some(Detection { to_the_end, meanwhile: flag(form, "AsyncAmd")?.then_some(hook) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, number) in [
            ("+14155550100", Some("+14155550100")),
            ("+1 (415) 555-0100", Some("+14155550100")),
            ("+44 20 7946 0123", Some("+442079460123")),
            ("4155550100", None),
            ("+1415555", None),
            ("+1415555010000", None),
            ("+0800918468", None),
            ("+49 CALL ME NOW", None),
            ("sip:a@b.example", None),
        ] {
            assert_eq!(e164(text).as_deref(), number, "{text}");
        }
    }
}
