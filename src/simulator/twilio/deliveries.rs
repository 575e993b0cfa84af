//! What goes wrong with callbacks on demand, and what became of each.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::callbacks::{Kind, Request};
use crate::{model::time::Timestamp, simulator::state::now};

/// Older callbacks are forgotten.
const CAPACITY: usize = 10_000;

/// What goes wrong with a callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// It arrives twice.
    Duplicate {
        /// The wait between the two.
        #[serde(default)]
        milliseconds: u64,
    },
    /// It arrives late, and those after it do not wait.
    Delayed {
        /// The wait.
        milliseconds: u64,
    },
    /// It arrives after the next one. Of meaning for what expects no answer.
    Reordered {},
    /// It never arrives.
    Lost {},
    /// Its signature was made with another token.
    Forged {},
    /// It has no signature.
    Unsigned {},
    /// A parameter is changed, or added, after it was signed.
    Tampered {
        /// The parameter's name.
        name: String,
        /// Its new value.
        value: String,
    },
}

/// An order for a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Only callbacks of this kind.
    about: Option<Kind>,
    /// Only those to an address that contains this.
    url: Option<String>,
    /// Only those that say this `CallStatus` or `RecordingStatus`.
    status: Option<String>,
    /// How many; one unless told otherwise.
    #[serde(default = "once")]
    times: u32,
    /// What goes wrong with them.
    fault: Fault,
}

const fn once() -> u32 {
    1
}

impl Order {
    fn meets(&self, request: &Request) -> bool {
        let says = |wanted: &String| {
            request.params.iter().any(|(name, value)| {
                matches!(name.as_str(), "CallStatus" | "RecordingStatus") && value == wanted
            })
        };
        self.about.is_none_or(|kind| kind == request.kind)
            && self.url.as_ref().is_none_or(|part| request.hook.url.as_str().contains(part.as_str()))
            && self.status.as_ref().is_none_or(says)
    }
}

/// A callback that was made, or lost.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    number: u64,
    at: Timestamp,
    call: String,
    about: Kind,
    method: String,
    url: String,
    parameters: Vec<(String, String)>,
    /// What went wrong with it on purpose.
    fault: Option<Fault>,
    /// Absent while unanswered, and for good when there was no answer.
    status: Option<u16>,
}

/// The callbacks so far, and the faults to come.
#[derive(Default)]
pub struct Callbacks {
    /// The orders that are not used up.
    pub orders: Vec<Order>,
    /// The callbacks so far, oldest first.
    pub deliveries: VecDeque<Delivery>,
    made: u64,
}

impl Callbacks {
    /// The fault that meets `request`, counted as used.
    pub fn take(&mut self, request: &Request) -> Option<Fault> {
        let order = self.orders.iter_mut().find(|order| order.times > 0 && order.meets(request))?;
        order.times -= 1;
        let fault = order.fault.clone();
        self.orders.retain(|order| order.times > 0);
        Some(fault)
    }

    /// Writes down a callback before it is made and answers its number.
    pub fn begin(&mut self, request: &Request, fault: Option<&Fault>) -> u64 {
        if self.deliveries.len() == CAPACITY {
            self.deliveries.pop_front();
        }
        self.made += 1;
        self.deliveries.push_back(Delivery {
            number: self.made,
            at: now(),
            call: request.call.clone(),
            about: request.kind,
            method: request.hook.method.to_string(),
            url: request.hook.url.to_string(),
            parameters: request.params.clone(),
            fault: fault.cloned(),
            status: None,
        });
        self.made
    }

    /// Adds the status of the answer to callback `number`.
    pub fn end(&mut self, number: u64, status: u16) {
        if let Some(delivery) = self.deliveries.iter_mut().rev().find(|delivery| delivery.number == number) {
            delivery.status = Some(status);
        }
    }
}
