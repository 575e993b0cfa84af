//! What Twilio knows of an account: itself, its numbers, its past calls.

use serde_json::{Value, json};

use crate::simulator::{
    credential::Params,
    keys::{Credential, Situation},
    state::Account,
};

/// When everything of an account was made.
const CREATED: &str = "Thu, 30 Jul 2015 20:00:00 +0000";
/// The number of every account that has one.
const NUMBER: &str = "+12025550142";
/// The verified caller id of every account that has one.
const CALLER_ID: &str = "+12125550187";

/// What Twilio knows of an account.
pub struct Facts {
    /// Its SID.
    pub sid: String,
    /// Its auth token, which signs callbacks.
    pub auth_token: String,
    /// `active`, `suspended` or `closed`.
    pub status: &'static str,
    /// `Full` or `Trial`.
    pub kind: &'static str,
    /// A decimal number, which Twilio writes as text; a subaccount has none.
    pub balance: Option<&'static str>,
    owner: Option<String>,
    label: String,
    /// Whether it has a number, and whether that takes calls.
    number: Option<bool>,
    caller_id: bool,
}

impl Facts {
    /// Those of the account behind a test key of Twilio.
    pub fn of(account: &Account) -> Option<Self> {
        let Credential::Twilio { account_sid, auth_token, .. } = &account.credential else {
            return None;
        };
        let mut facts = Self {
            sid: account_sid.clone(),
            auth_token: auth_token.clone(),
            owner: None,
            label: account.entry.test_key().label.to_owned(),
            status: "active",
            kind: "Full",
            number: Some(true),
            caller_id: false,
            balance: Some("48.20"),
        };
        match account.situation {
            Situation::Trial => {
                (facts.kind, facts.caller_id, facts.balance) = ("Trial", true, Some("15.50"));
            }
            Situation::CallerIdOnly => (facts.number, facts.caller_id) = (None, true),
            Situation::NoVoiceNumber => facts.number = Some(false),
            Situation::Suspended => facts.status = "suspended",
            Situation::Closed => facts.status = "closed",
            Situation::Subaccount => {
                facts.owner = Some(format!("AC{:032x}", 0xdeca_fbad_u32));
                facts.balance = None;
            }
            Situation::NegativeBalance => facts.balance = Some("-3.50"),
            _ => {}
        }
        Some(facts)
    }

    /// Whether a call may come from `number`.
    pub fn calls_from(&self, number: &str) -> bool {
        (self.number == Some(true) && number == NUMBER) || self.has_verified(number)
    }

    /// Whether `number` is a verified caller id.
    pub fn has_verified(&self, number: &str) -> bool {
        self.caller_id && number == CALLER_ID
    }

    /// A trial account calls verified numbers only.
    pub fn may_call(&self, number: &str) -> bool {
        self.kind != "Trial" || self.has_verified(number)
    }

    /// Where something of the account lies, relative to the API's host.
    pub fn path(&self, rest: &str) -> String {
        format!("/2010-04-01/Accounts/{}{rest}", self.sid)
    }

    /// An identifier with the account's own digits in it.
    fn own(&self, prefix: &str, number: usize) -> String {
        format!("{prefix}{}{number:04x}", &self.sid[2..30])
    }

    /// The account resource.
    pub fn account(&self) -> Value {
        let at = |name: &str| self.path(&format!("/{name}.json"));
        json!({
            "sid": self.sid,
            "owner_account_sid": self.owner.as_ref().unwrap_or(&self.sid),
            "friendly_name": self.label,
            "status": self.status,
            "type": self.kind,
            // The secret comes back in the body, as Twilio does it.
            "auth_token": self.auth_token,
            "date_created": CREATED,
            "date_updated": CREATED,
            "uri": self.path(".json"),
            "subresource_uris": {
                "balance": at("Balance"),
                "calls": at("Calls"),
                "incoming_phone_numbers": at("IncomingPhoneNumbers"),
                "outgoing_caller_ids": at("OutgoingCallerIds"),
                "recordings": at("Recordings"),
            },
        })
    }

    /// The numbers it has.
    pub fn numbers(&self, params: &Params) -> Vec<Value> {
        let Some(voice) = self.number else { return Vec::new() };
        let sid = self.own("PN", 1);
        let number = json!({
            "sid": sid,
            "account_sid": self.sid,
            "phone_number": NUMBER,
            "friendly_name": "(202) 555-0142",
            "capabilities": { "voice": voice, "sms": true, "mms": true, "fax": false },
            "voice_url": "",
            "status_callback": "",
            "status": "in-use",
            "api_version": "2010-04-01",
            "date_created": CREATED,
            "date_updated": CREATED,
            "uri": self.path(&format!("/IncomingPhoneNumbers/{sid}.json")),
        });
        filtered(vec![number], params, &[("PhoneNumber", "phone_number"), ("FriendlyName", "friendly_name")])
    }

    /// The numbers it may show as the caller's without having them.
    pub fn caller_ids(&self, params: &Params) -> Vec<Value> {
        if !self.caller_id {
            return Vec::new();
        }
        let sid = self.own("PN", 2);
        let caller_id = json!({
            "sid": sid,
            "account_sid": self.sid,
            "phone_number": CALLER_ID,
            "friendly_name": "Front desk",
            "date_created": CREATED,
            "date_updated": CREATED,
            "uri": self.path(&format!("/OutgoingCallerIds/{sid}.json")),
        });
        filtered(
            vec![caller_id],
            params,
            &[("PhoneNumber", "phone_number"), ("FriendlyName", "friendly_name")],
        )
    }

    /// Seven past calls, newest first.
    pub fn past_calls(&self) -> Vec<Value> {
        let statuses = ["completed", "completed", "busy", "completed", "no-answer", "completed", "failed"];
        let call = |(number, status): (usize, &&str)| {
            let sid = self.own("CA", number + 1);
            let completed = *status == "completed";
            let at = format!("Fri, 20 Nov 2026 1{}:30:00 +0000", 6 - number);
            json!({
                "sid": sid,
                "account_sid": self.sid,
                "status": status,
                "direction": "outbound-api",
                "to": format!("+1415555010{number}"),
                "from": NUMBER,
                "price": completed.then_some("-0.01400"),
                "price_unit": "USD",
                "duration": if completed { "61" } else { "0" },
                "queue_time": "0",
                "start_time": at,
                "end_time": at,
                "date_created": at,
                "date_updated": at,
                "api_version": "2010-04-01",
                "uri": self.path(&format!("/Calls/{sid}.json")),
            })
        };
        statuses.iter().enumerate().map(call).collect()
    }
}

/// Those of `items` whose members are as the parameters want them. `filters` pairs parameters with members.
pub fn filtered(items: Vec<Value>, params: &Params, filters: &[(&str, &str)]) -> Vec<Value> {
    let wanted = |item: &Value| {
        filters.iter().all(|(filter, member)| params.get(filter).is_none_or(|value| item[*member] == value))
    };
    items.into_iter().filter(wanted).collect()
}
