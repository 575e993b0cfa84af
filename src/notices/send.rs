//! Sending what waits: taken up by one process at a time, tried again with growing pauses.

use std::time::Duration;

use super::{
    Notices,
    channels::Place,
    message::{Told, chat},
    quiet, sign,
};
use crate::{
    model::{
        notice::{ChannelKind, DeliveryFault, MessageEvent},
        time::Timestamp,
    },
    providers::{NoReceipt, Receipt},
    store::{Attempted, MessageContent, StoreError, TakenMessage},
};

/// How long whoever has taken a message up may take to send it. Longer than the budgets of all receivers.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// The pauses between attempts, as Standard Webhooks proposes them; spread over three days.
const PAUSES: [u64; 8] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000];
/// The longest pause that a receiver may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// How an attempt ended.
struct Sent {
    http_status: Option<u16>,
    fault: Option<DeliveryFault>,
    retry_after: Option<Duration>,
}

impl Sent {
    fn failed(fault: DeliveryFault) -> Self {
        Self { http_status: None, fault: Some(fault), retry_after: None }
    }
}

/// The pause after so many attempts; nothing when it was the last.
fn pause(attempts: i64) -> Option<Duration> {
    let index = usize::try_from(attempts.saturating_sub(1)).ok()?;
    PAUSES.get(index).map(|seconds| Duration::from_secs(*seconds))
}

impl Notices {
    /// Takes up one message that is due, with what is told together with it; nothing when none is. What falls into its
    /// user's quiet hours is put back until they are over.
    pub async fn take(&self) -> Result<Option<Vec<TakenMessage>>, StoreError> {
        let now = self.clock.now();
        loop {
            let Some(taken) = self.take_due(now).await? else { return Ok(None) };
            let Some(until) = self.quiet_until(&taken, now).await? else { return Ok(Some(taken)) };
            self.store.postpone_messages(&taken, until).await?;
        }
    }

    async fn take_due(&self, now: Timestamp) -> Result<Option<Vec<TakenMessage>>, StoreError> {
        let Some(first) = self.store.take_message(LEASE, now).await? else { return Ok(None) };
        let mut taken = vec![first];
        let place = self.store.message_place(first).await?;
        if place.is_some_and(|(kind, ..)| kind.is_read_by_people()) {
            taken.extend(self.store.take_together(first, LEASE, now).await?);
        }
        Ok(Some(taken))
    }

    /// Until when messages wait, if somebody would be disturbed by them.
    async fn quiet_until(
        &self,
        taken: &[TakenMessage],
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some(first) = taken.first() else { return Ok(None) };
        let place = self.store.message_place(*first).await?;
        if !place.is_some_and(|(kind, ..)| kind.is_read_by_people()) {
            return Ok(None);
        }
        let (_, quiet) = self.store.silenced(first.user).await?;
        Ok(quiet.and_then(|quiet| quiet::ends_at(&quiet, now)))
    }

    /// Sends messages to the same place, and writes down how that ended.
    pub async fn send(&self, taken: &[TakenMessage]) {
        let Some(first) = taken.first() else { return };
        let outcome = match self.try_to_send(*first, taken).await {
            Ok(Some(outcome)) => outcome,
            // The place is gone, and its messages with it.
            Ok(None) => return,
            Err(error) => {
                // They come again when the lease is over.
                tracing::error!(%error, channel = %first.channel, "a message could not be prepared");
                return;
            }
        };
        if let Err(error) = self.store.finish_messages(taken, &outcome, self.clock.now()).await {
            tracing::error!(%error, channel = %first.channel, "what became of a message could not be written");
        }
    }

    async fn try_to_send(
        &self,
        first: TakenMessage,
        taken: &[TakenMessage],
    ) -> Result<Option<Attempted>, StoreError> {
        let Some((kind, _, email)) = self.store.message_place(first).await? else { return Ok(None) };
        let mut contents = Vec::new();
        for message in taken {
            contents.extend(self.store.message_content(*message).await?);
        }
        let Some(main) = contents.first() else { return Ok(None) };
        let sent = match kind {
            ChannelKind::Email => self.mail(&email, &contents).await,
            kind => self.post(first, kind, &contents).await?,
        };
        let tested = main.event == MessageEvent::Test;
        let again = sent.fault.is_some_and(|fault| fault != DeliveryFault::Gone) && !tested;
        let longest = taken.iter().map(|message| message.attempt).max().unwrap_or_default();
        let pause = pause(longest).filter(|_| again);
        let asked = sent.retry_after.unwrap_or_default().min(LONGEST_PAUSE);
        if let Some(fault) = sent.fault {
            tracing::warn!(channel = %first.channel, fault = fault.code(), "a message did not arrive");
        }
        Ok(Some(Attempted {
            http_status: sent.http_status,
            fault: sent.fault,
            again_at: pause.map(|pause| self.clock.now().plus(pause.max(asked))),
            counts: !tested,
        }))
    }

    fn told(&self, contents: &[MessageContent]) -> Vec<Told> {
        let name = |provider: &_| self.keys.provider_name(provider);
        contents.iter().map(|content| Told::new(content, name, &self.ways.site)).collect()
    }

    async fn mail(&self, to: &str, contents: &[MessageContent]) -> Sent {
        let Some(mailer) = &self.ways.mailer else { return Sent::failed(DeliveryFault::NoMail) };
        let sent = mailer.send(to, &self.told(contents), &self.ways.site).await;
        Sent { http_status: None, fault: sent.err(), retry_after: None }
    }

    async fn post(
        &self,
        first: TakenMessage,
        kind: ChannelKind,
        contents: &[MessageContent],
    ) -> Result<Sent, StoreError> {
        let view = self.store.channel(first.user, first.channel).await?;
        let sealed = self.store.sealed_channel(first.user, first.channel).await?;
        let opened = view.zip(sealed).and_then(|(view, sealed)| self.open(first.user, &view, &sealed).ok());
        let Some(place) = opened else { return Ok(Sent::failed(DeliveryFault::Undecryptable)) };
        let told = self.told(contents);
        let body = match (kind, told.first()) {
            (ChannelKind::Webhook, Some(one)) => one.event(),
            _ => chat(kind, &told),
        };
        let body = body.to_string().into_bytes();
        let headers = self.headers(&place, first, &body);
        // Looked at again: what may be sent inside is the operator's to change.
        let address = {
            // EXPOSE: to read it as it was read when it was typed.
            use secrecy::ExposeSecret as _;
            self.ways.outgoing.read(place.address.expose_secret())
        };
        let Some(address) = address else { return Ok(Sent::failed(DeliveryFault::NoConnection)) };
        Ok(match self.ways.outgoing.post(&address, &headers, body).await {
            Ok(Receipt { status, retry_after }) => Sent {
                http_status: Some(status),
                fault: match status {
                    200..=299 => None,
                    410 => Some(DeliveryFault::Gone),
                    _ => Some(DeliveryFault::Refused),
                },
                retry_after,
            },
            Err(NoReceipt::NoConnection) => Sent::failed(DeliveryFault::NoConnection),
            Err(NoReceipt::TimedOut) => Sent::failed(DeliveryFault::TimedOut),
            Err(NoReceipt::Redirected(status)) => {
                Sent { http_status: Some(status), ..Sent::failed(DeliveryFault::Redirected) }
            }
        })
    }

    /// The signature, where messages are signed: with the old secret too while that still counts.
    fn headers(&self, place: &Place, message: TakenMessage, body: &[u8]) -> Vec<(&'static str, String)> {
        let Some(secret) = &place.secret else { return Vec::new() };
        let (now, id) = (self.clock.now(), message.id.to_string());
        let old = place.old.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        let signatures: Vec<_> = [Some(secret), old]
            .into_iter()
            .flatten()
            .filter_map(|secret| sign::signature(secret, &id, now.seconds(), body))
            .collect();
        vec![
            ("webhook-id", id),
            ("webhook-timestamp", now.seconds().to_string()),
            ("webhook-signature", signatures.join(" ")),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<_> = (1..).map_while(pause).collect();
        assert!(pauses.is_sorted() && pauses.len() == PAUSES.len());
        assert_eq!(pause(0), None);
        assert_eq!(pause(i64::MAX), None);
        let all: Duration = pauses.iter().sum();
        assert!(all > Duration::from_secs(2 * 86_400) && all < Duration::from_secs(4 * 86_400), "{all:?}");
    }
}
