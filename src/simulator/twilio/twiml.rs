//! TwiML for calls, read from XML: <https://www.twilio.com/docs/voice/twiml>. Codes are those of `/docs/api/errors`:
//! 12100 for what is no TwiML, and warnings, after which the usual value counts: 12200 for what the schema does not
//! know, 13310, 13313, 13327, 13328, 13520 and 13910 for values.

use axum::http::Method;
use roxmltree::{Document, Node};

use super::verbs::{Gather, Record, Trouble, Verb};

const SAY: &[&str] = &["voice", "language", "loop"];
const PLAY: &[&str] = &["loop", "digits"];
const PAUSE: &[&str] = &["length"];
const REDIRECT: &[&str] = &["method"];
const REJECT: &[&str] = &["reason"];
const GATHER: &[&str] = &[
    "input",
    "action",
    "method",
    "timeout",
    "speechTimeout",
    "maxSpeechTime",
    "profanityFilter",
    "finishOnKey",
    "numDigits",
    "partialResultCallback",
    "partialResultCallbackMethod",
    "language",
    "hints",
    "bargeIn",
    "debug",
    "actionOnEmptyResult",
    "speechModel",
    "enhanced",
];
const RECORD: &[&str] = &[
    "action",
    "method",
    "timeout",
    "finishOnKey",
    "maxLength",
    "playBeep",
    "trim",
    "recordingStatusCallback",
    "recordingStatusCallbackMethod",
    "recordingStatusCallbackEvent",
    "transcribe",
    "transcribeCallback",
];
/// Verbs that Twilio knows beside those above.
const ELSEWHERE: &[&str] = &[
    "Connect", "Dial", "Enqueue", "Leave", "Pay", "Prompt", "Queue", "Refer", "Siprec", "Sms", "Start",
    "Stop", "Stream",
];

/// Reads a document: what to do, and what to be warned of.
///
/// # Errors
/// 12100.
pub fn read(text: &str) -> Result<(Vec<Verb>, Vec<Trouble>), Trouble> {
    let document = Document::parse(text)
        .map_err(|why| Trouble::new(12_100, format!("Document parse failure: {why}")))?;
    let root = document.root_element();
    if root.tag_name().name() != "Response" {
        return Err(Trouble::new(12_100, "Document parse failure: the root element is not <Response>"));
    }
    let mut reader = Reader::default();
    let verbs = reader.children(root, false);
    Ok((verbs, reader.warnings))
}

#[derive(Default)]
struct Reader {
    warnings: Vec<Trouble>,
}

impl Reader {
    fn warn(&mut self, code: u32, message: impl Into<String>) {
        self.warnings.push(Trouble::new(code, message));
    }

    /// The verbs inside `parent`; inside a `Gather` only those that speak.
    fn children(&mut self, parent: Node<'_, '_>, nested: bool) -> Vec<Verb> {
        let mut verbs = Vec::new();
        for node in parent.children().filter(Node::is_element) {
            let name = node.tag_name().name();
            if nested && !matches!(name, "Say" | "Play" | "Pause") {
                self.warn(12_200, format!("<{name}> may not be nested in <Gather>"));
                continue;
            }
            verbs.extend(self.verb(node, name));
        }
        verbs
    }

    fn verb(&mut self, node: Node<'_, '_>, name: &str) -> Option<Verb> {
        match name {
            "Say" => self.say(node),
            "Play" => self.play(node),
            "Pause" => {
                self.known(node, PAUSE);
                let seconds = self.number(node, "length", 1, 13_910, "Pause: Invalid length value");
                Some(Verb::Pause { seconds })
            }
            "Gather" => Some(Verb::Gather(Box::new(self.gather(node)))),
            "Record" => Some(Verb::Record(Box::new(self.record(node)))),
            "Redirect" => {
                self.known(node, REDIRECT);
                Some(Verb::Redirect { url: words(node), method: self.method(node, "method") })
            }
            "Hangup" => {
                self.known(node, &[]);
                Some(Verb::Hangup)
            }
            "Reject" => {
                self.known(node, REJECT);
                Some(Verb::Reject)
            }
            _ if ELSEWHERE.contains(&name) => Some(Verb::NotSimulated(name.to_owned())),
            _ => {
                self.warn(12_200, format!("Invalid content was found starting with element '{name}'"));
                None
            }
        }
    }

    fn say(&mut self, node: Node<'_, '_>) -> Option<Verb> {
        self.known(node, SAY);
        let text = words(node);
        if text.is_empty() {
            self.warn(13_520, "Say: Invalid text");
            return None;
        }
        Some(Verb::Say {
            text,
            voice: attribute(node, "voice"),
            language: attribute(node, "language"),
            times: self.times(node),
        })
    }

    fn play(&mut self, node: Node<'_, '_>) -> Option<Verb> {
        self.known(node, PLAY);
        let (url, digits) = (words(node), attribute(node, "digits"));
        if url.is_empty() && digits.is_none() {
            self.warn(12_200, "<Play> without an address");
            return None;
        }
        Some(Verb::Play { url, digits, times: self.times(node) })
    }

    fn gather(&mut self, node: Node<'_, '_>) -> Gather {
        self.known(node, GATHER);
        let mut input = attribute(node, "input").unwrap_or_else(|| "dtmf".to_owned());
        if !matches!(input.as_str(), "dtmf" | "speech" | "dtmf speech" | "speech dtmf") {
            self.warn(12_200, format!("<Gather> has no input '{input}'"));
            "dtmf".clone_into(&mut input);
        }
        let finish = match node.attribute("finishOnKey") {
            None => Some('#'),
            Some("") => None,
            Some(keys) => match keys.chars().next().filter(|c| keys.len() == 1 && is_key(*c)) {
                Some(key) => Some(key),
                None => {
                    self.warn(13_310, "Gather: Invalid finishOnKey value");
                    Some('#')
                }
            },
        };
        if node.attribute("maxSpeechTime").is_some() {
            self.warn(13_328, "Gather: Invalid maxSpeechTime value");
        }
        let speech_timeout = match node.attribute("speechTimeout") {
            None => None,
            Some("auto") if node.attribute("speechModel").is_none() => None,
            Some(text) => match text.parse() {
                Ok(seconds) if seconds > 0 => Some(seconds),
                _ => {
                    self.warn(13_327, "Gather: Invalid speechTimeout value");
                    None
                }
            },
        };
        let digits = node.attribute("numDigits").and_then(|text| match text.parse() {
            Ok(digits) if digits > 0 => Some(digits),
            _ => {
                self.warn(12_200, "<Gather numDigits> is not a positive integer");
                None
            }
        });
        Gather {
            input,
            action: attribute(node, "action").unwrap_or_default(),
            method: self.method(node, "method"),
            timeout: match node.attribute("timeout") {
                // Twilio decides; it waits as long as usual.
                Some("auto") => 5,
                _ => self.number(node, "timeout", 5, 13_313, "Gather: Invalid timeout value"),
            },
            speech_timeout,
            digits,
            finish,
            empty_too: node.attribute("actionOnEmptyResult") == Some("true"),
            barge_in: node.attribute("bargeIn") != Some("false"),
            language: attribute(node, "language"),
            hints: attribute(node, "hints"),
            prompt: self.children(node, true),
        }
    }

    fn record(&mut self, node: Node<'_, '_>) -> Record {
        self.known(node, RECORD);
        Record {
            action: attribute(node, "action").unwrap_or_default(),
            method: self.method(node, "method"),
            timeout: self.number(node, "timeout", 5, 12_200, "<Record timeout> is not a positive integer"),
            longest: self.number(
                node,
                "maxLength",
                3_600,
                12_200,
                "<Record maxLength> is not a positive integer",
            ),
            finish: attribute(node, "finishOnKey").unwrap_or_else(|| "1234567890*#".to_owned()),
            callback: attribute(node, "recordingStatusCallback"),
            callback_method: self.method(node, "recordingStatusCallbackMethod"),
        }
    }

    /// Warns of attributes that are none of `known`.
    fn known(&mut self, node: Node<'_, '_>, known: &[&str]) {
        for attribute in node.attributes().filter(|attribute| !known.contains(&attribute.name())) {
            let (name, verb) = (attribute.name(), node.tag_name().name());
            self.warn(12_200, format!("Attribute '{name}' is not allowed to appear in element '{verb}'"));
        }
    }

    fn number(&mut self, node: Node<'_, '_>, name: &str, usual: u32, code: u32, message: &str) -> u32 {
        let Some(text) = node.attribute(name) else { return usual };
        match text.parse() {
            Ok(number) if number > 0 => number,
            _ => {
                self.warn(code, message);
                usual
            }
        }
    }

    /// How often; 0 is for ever, which a call's length limits.
    fn times(&mut self, node: Node<'_, '_>) -> u32 {
        match node.attribute("loop").map(str::parse) {
            None => 1,
            Some(Ok(0)) => u32::MAX,
            Some(Ok(times)) => times,
            Some(Err(_)) => {
                self.warn(12_200, "'loop' is not a whole number");
                1
            }
        }
    }

    fn method(&mut self, node: Node<'_, '_>, name: &str) -> Method {
        match node.attribute(name) {
            None | Some("POST") => Method::POST,
            Some("GET") => Method::GET,
            Some(_) => {
                self.warn(12_200, format!("'{name}' is neither GET nor POST"));
                Method::POST
            }
        }
    }
}

/// Whether a telephone has the key.
pub fn is_key(key: char) -> bool {
    key.is_ascii_digit() || matches!(key, '*' | '#')
}

fn attribute(node: Node<'_, '_>, name: &str) -> Option<String> {
    node.attribute(name).map(str::to_owned)
}

/// The text inside `node`, also of markup for speech, with single spaces.
fn words(node: Node<'_, '_>) -> String {
    let whole: Vec<&str> = node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect();
    whole.concat().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(inside: &str) -> Vec<u32> {
        let (_, warnings) = read(&format!("<Response>{inside}</Response>")).unwrap();
        warnings.iter().map(|warning| warning.code).collect()
    }

    #[test]
    fn a_turn_of_a_conversation() {
        let (verbs, warnings) = read(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Gather input=\"speech dtmf\" action=\"/turn?a=1&amp;b=2\" \
             speechTimeout=\"auto\" language=\"en-GB\" timeout=\"7\" actionOnEmptyResult=\"true\" numDigits=\"4\">\
             <Say voice=\"Polly.Amy\">Good <emphasis>morning</emphasis>, A &amp; B</Say><Play>http://127.0.0.1/a.mp3</Play>\
             </Gather><Redirect method=\"GET\">/again</Redirect></Response>",
        )
        .unwrap();
        assert_eq!(warnings, []);
        let Verb::Gather(gather) = &verbs[0] else { panic!("{verbs:?}") };
        assert_eq!((gather.action.as_str(), gather.timeout, gather.digits), ("/turn?a=1&b=2", 7, Some(4)));
        assert_eq!((gather.finish, gather.empty_too, gather.barge_in), (Some('#'), true, true));
        assert!(gather.hears("speech") && gather.hears("dtmf"));
        let Verb::Say { text, voice, .. } = &gather.prompt[0] else { panic!("{:?}", gather.prompt) };
        assert_eq!((text.as_str(), voice.as_deref()), ("Good morning, A & B", Some("Polly.Amy")));
        assert_eq!(verbs[1], Verb::Redirect { url: "/again".to_owned(), method: Method::GET });
    }

    #[test]
    fn what_is_no_twiml_is_12100() {
        for text in [
            "",
            "hello",
            "<Response>",
            "<response/>",
            " <?xml version=\"1.0\"?><Response/>",
            "<Response><Say>a & b</Say></Response>",
            "<!DOCTYPE r [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><Response><Say>&e;</Say></Response>",
        ] {
            assert_eq!(read(text).unwrap_err().code, 12_100, "{text}");
        }
    }

    #[test]
    fn wrong_values_are_warnings() {
        for (inside, expected) in [
            ("<Gather timeout=\"0\"/>", vec![13_313]),
            ("<Gather finishOnKey=\"x\"/>", vec![13_310]),
            ("<Gather input=\"speech\" speechTimeout=\"auto\" speechModel=\"phone_call\"/>", vec![13_327]),
            ("<Gather maxSpeechTime=\"3\"/>", vec![13_328]),
            ("<Gather><Hangup/></Gather>", vec![12_200]),
            ("<Say/>", vec![13_520]),
            ("<say>hello</say>", vec![12_200]),
            ("<Say colour=\"red\">hello</Say>", vec![12_200]),
            ("<Pause length=\"long\"/>", vec![13_910]),
            (
                "<Gather finishOnKey=\"\" timeout=\"auto\"/><Pause length=\"2\"/><Hangup/><Reject reason=\"busy\"/>",
                vec![],
            ),
        ] {
            assert_eq!(codes(inside), expected, "{inside}");
        }
    }

    #[test]
    fn what_is_not_simulated_is_named() {
        let (verbs, _) = read("<Response><Dial>+14155550100</Dial></Response>").unwrap();
        assert_eq!(verbs, [Verb::NotSimulated("Dial".to_owned())]);
    }
}
