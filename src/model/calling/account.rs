//! What there is to call with.

use serde::{Deserialize, Serialize};

use crate::model::ids::VoiceId;

/// A number of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct NumberView {
    /// In E.164.
    pub number: String,
    /// What its owner called it, where that is not the number.
    pub name: Option<String>,
    /// It can make voice calls.
    pub voice: bool,
    /// It can send text messages.
    pub sms: bool,
    /// It can send pictures.
    pub mms: bool,
    /// It is not Twilio's: a number of one's own that Twilio has verified.
    pub verified_only: bool,
}

/// A voice of the user's that can speak in a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallVoice {
    /// The voice.
    pub id: VoiceId,
    /// Its name.
    pub name: String,
}

/// The account as Twilio tells of it at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct AccountView {
    /// Numbers that were bought, then verified ones.
    pub numbers: Vec<NumberView>,
    /// There are more numbers than are listed here.
    pub more_numbers: bool,
    /// What is left, a decimal number. A subaccount has none of its own, and a key may lack the permission.
    pub balance: Option<String>,
    /// The balance's currency.
    pub currency: Option<String>,
    /// It is a trial account, which calls verified numbers only. Unknown where only an API key is stored.
    pub trial: Option<bool>,
    /// Twilio reports on calls by itself. Otherwise Keyward asks again and again.
    pub reports: bool,
}

impl AccountView {
    /// The numbers that can call.
    pub fn callers(&self) -> impl Iterator<Item = &NumberView> {
        self.numbers.iter().filter(|number| number.voice)
    }
}
