//! Sending what waits: taken up by one process at a time, tried again with growing pauses.

use std::time::Duration;

use super::{
    Notices,
    channels::Place,
    message::{Told, chat},
    quiet, sign,
};
use crate::{
    model::notice::{ChannelKind, DeliveryFault, MessageEvent},
    providers::{NoReceipt, Receipt},
    store::{Attempted, MessageContent, StoreError, TakenMessage},
};

/// How long whoever has taken a message up may take to send it. Longer than the budgets of all receivers.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// The pauses between attempts, as Standard Webhooks proposes them: three days and four hours in all.
const PAUSES: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
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
    /// Takes up one message that is due, perhaps none to a place that is failing, with what is told together with it;
    /// nothing when none is. What falls into its user's quiet hours is put back until they are over.
    pub async fn take(&self, also_failing: bool) -> Result<Option<Vec<TakenMessage>>, StoreError> {
        let now = self.clock.now();
        loop {
            let Some(first) = self.store.take_message(LEASE, also_failing, now).await? else {
                return Ok(None);
            };
            let mut taken = vec![first];
            // A test goes alone, and at once: somebody waits for it.
            if !first.kind.is_read_by_people() || first.event == MessageEvent::Test {
                return Ok(Some(taken));
            }
            taken.extend(self.store.take_together(first, LEASE, now).await?);
            let (_, quiet) = self.store.silenced(first.user).await?;
            let Some(until) = quiet.and_then(|quiet| quiet::ends_at(&quiet, now)) else {
                return Ok(Some(taken));
            };
            self.store.postpone_messages(&taken, until).await?;
        }
    }

    /// Sends messages to the same place, and writes down how that ended.
    pub async fn send(&self, taken: &[TakenMessage]) {
        let Some(first) = taken.first() else { return };
        let sent = match self.try_to_send(*first, taken).await {
            Ok(Some(sent)) => sent,
            // The place is gone, and its messages with it.
            Ok(None) => return,
            Err(error) => {
                // They come again when the lease is over.
                tracing::error!(%error, channel = %first.channel, "a message could not be prepared");
                return;
            }
        };
        if let Some(fault) = sent.fault {
            tracing::warn!(channel = %first.channel, fault = fault.code(), "a message did not arrive");
        }
        let (now, tested) = (self.clock.now(), first.event == MessageEvent::Test);
        let again = sent.fault.is_some_and(|fault| fault != DeliveryFault::Gone) && !tested;
        let asked = sent.retry_after.unwrap_or_default().min(LONGEST_PAUSE);
        // Each has its own attempts left, whatever it was told together with.
        let ends = taken.iter().map(|message| {
            let pause = pause(message.attempt).filter(|_| again);
            (*message, pause.map(|pause| now.plus(pause.max(asked))))
        });
        let ends: Vec<_> = ends.collect();
        let end = Attempted {
            http_status: sent.http_status,
            fault: sent.fault,
            counts: sent.fault.is_none_or(|fault| !tested && !fault.is_of_installation()),
        };
        if let Err(error) = self.store.finish_messages(&ends, &end, now).await {
            tracing::error!(%error, channel = %first.channel, "what became of a message could not be written");
        }
    }

    async fn try_to_send(
        &self,
        first: TakenMessage,
        taken: &[TakenMessage],
    ) -> Result<Option<Sent>, StoreError> {
        let mut contents = Vec::new();
        for message in taken {
            contents.extend(self.store.message_content(*message).await?);
        }
        if contents.is_empty() {
            return Ok(None);
        }
        match first.kind {
            ChannelKind::Email => self.mail(first, &contents).await,
            kind => self.post(first, kind, &contents).await,
        }
    }

    fn told(&self, contents: &[MessageContent]) -> Vec<Told> {
        let name = |provider: &_| self.keys.provider_name(provider);
        contents.iter().map(|content| Told::new(content, name, &self.ways.site)).collect()
    }

    async fn mail(
        &self,
        first: TakenMessage,
        contents: &[MessageContent],
    ) -> Result<Option<Sent>, StoreError> {
        let Some(place) = self.store.channel(first.user, first.channel).await? else { return Ok(None) };
        let Some(mailer) = &self.ways.mailer else { return Ok(Some(Sent::failed(DeliveryFault::NoMail))) };
        let ids: Vec<_> = contents.iter().map(|content| content.id).collect();
        let sent = mailer.send(&place.label, &ids, &self.told(contents), &self.ways.site).await;
        Ok(Some(Sent { http_status: None, fault: sent.err(), retry_after: None }))
    }

    async fn post(
        &self,
        first: TakenMessage,
        kind: ChannelKind,
        contents: &[MessageContent],
    ) -> Result<Option<Sent>, StoreError> {
        let sealed = self.store.sealed_channel(first.user, first.channel).await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let Ok(place) = self.open(first.user, first.channel, &sealed) else {
            return Ok(Some(Sent::failed(DeliveryFault::Undecryptable)));
        };
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
        let Some(address) = address else { return Ok(Some(Sent::failed(DeliveryFault::NoConnection))) };
        Ok(Some(match self.ways.outgoing.post(&address, &headers, body).await {
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
        }))
    }

    /// The signature, where messages are signed: with old secrets too while they still count.
    fn headers(&self, place: &Place, message: TakenMessage, body: &[u8]) -> Vec<(&'static str, String)> {
        let Some(secret) = &place.secret else { return Vec::new() };
        let (now, id) = (self.clock.now(), message.id.to_string());
        let old = place.old.iter().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        let signatures: Vec<_> = std::iter::once(secret)
            .chain(old)
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
        assert!(all > Duration::from_secs(3 * 86_400) && all < Duration::from_secs(4 * 86_400), "{all:?}");
    }
}
