//! Places where a user is told, besides the pages: added, tried, confirmed, given another secret, removed. The address
//! and the secret that signs are sealed together; what may be shown of the address stands beside.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Notices, sign};
use crate::{
    account::{self, Limit, internal},
    model::{
        error::{AppError, ErrorCode, FieldError},
        ids::{ChannelId, MessageId, UserId},
        notice::{
            ADDRESS_MAX, ChannelInput, ChannelKind, ChannelPage, ChannelView, IssuedChannel, MESSAGES_SHOWN,
            MessageList, MessageView,
        },
        time::Timestamp,
    },
    providers::Address,
    store::{NewChannel, SealedChannel},
    vault::{RecordContext, SecretKind, TENANT, Undecryptable, VaultError},
};

/// For how long messages are signed with an old secret too.
const ROTATION: Duration = Duration::from_secs(24 * 3600);
/// Most old secrets that sign as well.
const OLD_MAX: usize = 3;

/// What is sealed of a place.
pub(super) struct Place {
    pub(super) address: SecretString,
    /// What signs messages to it.
    pub(super) secret: Option<SecretString>,
    /// What signed them before, the latest first, each with until when it still does.
    pub(super) old: Vec<(SecretString, Timestamp)>,
}

#[derive(Serialize)]
struct Written<'a> {
    address: &'a str,
    secret: Option<&'a str>,
    olds: Vec<(&'a str, i64)>,
}

#[derive(Deserialize)]
struct Read {
    address: SecretString,
    secret: Option<SecretString>,
    #[serde(default)]
    olds: Vec<(SecretString, i64)>,
    /// What was sealed before there could be several.
    #[serde(default)]
    old: Option<(SecretString, i64)>,
}

impl Place {
    fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, AppError> {
        // EXPOSE: to seal them.
        let written = Written {
            address: self.address.expose_secret(),
            secret: self.secret.as_ref().map(ExposeSecret::expose_secret),
            olds: self.old.iter().map(|(secret, until)| (secret.expose_secret(), until.0)).collect(),
        };
        serde_json::to_vec(&written).map(Zeroizing::new).map_err(|_| AppError::new(ErrorCode::Internal))
    }

    fn read(plaintext: &[u8]) -> Option<Self> {
        let Read { address, secret, olds, old } = serde_json::from_slice(plaintext).ok()?;
        let old = olds.into_iter().chain(old).map(|(secret, until)| (secret, Timestamp(until))).collect();
        Some(Self { address, secret, old })
    }

    /// With another secret, and those before as far as they still count.
    fn rotated(self, secret: SecretString, until: Timestamp, now: Timestamp) -> Self {
        let before = self.secret.into_iter().map(|old| (old, until));
        let counts = |(_, until): &(SecretString, Timestamp)| now < *until;
        let old = before.chain(self.old.into_iter().filter(counts)).take(OLD_MAX).collect();
        Self { address: self.address, secret: Some(secret), old }
    }
}

fn vault_failure(error: &VaultError) -> AppError {
    tracing::error!(%error, "the vault refused to seal");
    AppError::new(ErrorCode::Internal)
}

impl Notices {
    /// The user's places.
    pub async fn channels(&self, user: UserId) -> Result<ChannelPage, AppError> {
        let channels = self.store.channels(user).await.map_err(|e| internal(&e))?;
        Ok(ChannelPage { channels, mail: self.ways.mailer.is_some() })
    }

    /// One of the user's places.
    pub async fn channel(&self, user: UserId, id: ChannelId) -> Result<ChannelView, AppError> {
        let found = self.store.channel(user, id).await.map_err(|e| internal(&e))?;
        found.ok_or_else(|| AppError::new(ErrorCode::NotFound))
    }

    /// Adds a place. An e-mail address is sent a code first, and nothing else until that was given back.
    pub async fn add_channel(
        &self,
        (user, email): (UserId, &str),
        input: &ChannelInput,
    ) -> Result<IssuedChannel, AppError> {
        let id = ChannelId::generate();
        if input.kind == ChannelKind::Email {
            return self.add_email((user, email), id).await;
        }
        let address = self.read_address(input)?;
        self.count(user).await?;
        let secret = (input.kind == ChannelKind::Webhook).then(sign::new_secret).transpose()?;
        let label = address.host();
        let place = Place { address: address.secret().clone(), secret: secret.clone(), old: Vec::new() };
        let dek = self.keys.dek_of(user).await?;
        let context = Sealing::new(user, id, input.kind, 1);
        let sealed = self.vault.seal(&dek, &context.of(&label), &place.plaintext()?);
        let sealed = sealed.map_err(|error| vault_failure(&error))?;
        let new = NewChannel {
            id,
            user,
            kind: input.kind,
            label: &label,
            sealed: Some((&dek, sealed)),
            confirm_hash: None,
        };
        self.insert(&new).await?;
        let view = self.channel(user, id).await?;
        // EXPOSE: its owner gets it, once.
        Ok(IssuedChannel { view, secret: secret.map(|secret| secret.expose_secret().to_owned()) })
    }

    fn read_address(&self, input: &ChannelInput) -> Result<Address, AppError> {
        let wrong = |error| AppError::field("address", error);
        let text = input.address.trim();
        if text.is_empty() {
            return Err(wrong(FieldError::Required));
        }
        if text.chars().count() > ADDRESS_MAX {
            return Err(wrong(FieldError::TooLong));
        }
        let address = self.ways.outgoing.read(text).ok_or_else(|| wrong(FieldError::NotAReceiver))?;
        // What takes the same form inside, such as Mattermost for Slack's, is the operator's to name.
        let fits = address.is_inside()
            || match input.kind {
                ChannelKind::Slack => {
                    address.is_at("hooks.slack.com") || address.is_at("hooks.slack-gov.com")
                }
                ChannelKind::Discord => address.is_at("discord.com") || address.is_at("discordapp.com"),
                ChannelKind::Teams | ChannelKind::Webhook | ChannelKind::Email => true,
            };
        if fits { Ok(address) } else { Err(wrong(FieldError::NotAReceiver)) }
    }

    async fn add_email(
        &self,
        (user, email): (UserId, &str),
        id: ChannelId,
    ) -> Result<IssuedChannel, AppError> {
        let mailer = self.ways.mailer.as_ref().ok_or_else(|| AppError::field("kind", FieldError::NoMail))?;
        let known = self.store.channels(user).await.map_err(|e| internal(&e))?;
        if known.iter().any(|one| one.kind == ChannelKind::Email && one.label == email) {
            return Err(AppError::field("kind", FieldError::Taken));
        }
        self.count(user).await?;
        let code = account::code::<12>()?;
        let confirm_hash = Some(account::hash_text(&code));
        let new = NewChannel { id, user, kind: ChannelKind::Email, label: email, sealed: None, confirm_hash };
        self.insert(&new).await?;
        if mailer.send_code(email, &code, &self.ways.site).await.is_err() {
            self.delete_channel(user, id).await?;
            return Err(AppError::field("kind", FieldError::MailRefused));
        }
        Ok(IssuedChannel { view: self.channel(user, id).await?, secret: None })
    }

    async fn insert(&self, new: &NewChannel<'_>) -> Result<(), AppError> {
        let added = self.store.insert_channel(new, &self.audit, self.clock.now()).await;
        if added.map_err(|e| internal(&e))? { Ok(()) } else { Err(AppError::new(ErrorCode::TooManyChannels)) }
    }

    async fn count(&self, user: UserId) -> Result<(), AppError> {
        self.limiter.check(Limit::Channels, &[&user.to_string()]).await
    }

    /// Believes an e-mail address whose code was given back.
    pub async fn confirm_channel(&self, user: UserId, code: &str) -> Result<(), AppError> {
        let code = code.trim().to_ascii_lowercase();
        if code.is_empty() {
            return Err(AppError::field("code", FieldError::Required));
        }
        self.count(user).await?;
        let known = self.store.confirm_channel(user, &account::hash_text(&code), self.clock.now()).await;
        if known.map_err(|e| internal(&e))? {
            Ok(())
        } else {
            Err(AppError::field("code", FieldError::Wrong))
        }
    }

    /// Gives a webhook another secret. The old one signs too, for a day, and so do those before it.
    pub async fn rotate_channel(&self, user: UserId, id: ChannelId) -> Result<IssuedChannel, AppError> {
        let sealed = self.store.sealed_channel(user, id).await.map_err(|e| internal(&e))?;
        let sealed = sealed.filter(|sealed| sealed.kind == ChannelKind::Webhook);
        let sealed = sealed.ok_or_else(|| AppError::new(ErrorCode::NotFound))?;
        let place = self.open(user, id, &sealed).map_err(|_| AppError::new(ErrorCode::Conflict))?;
        let now = self.clock.now();
        let (secret, until) = (sign::new_secret()?, now.plus(ROTATION));
        let place = place.rotated(secret.clone(), until, now);
        let dek = self.keys.dek_of(user).await?;
        let context = Sealing::new(user, id, sealed.kind, sealed.version.saturating_add(1));
        let envelope = self.vault.seal(&dek, &context.of(&sealed.label), &place.plaintext()?);
        let envelope = envelope.map_err(|error| vault_failure(&error))?;
        let new = (sealed.version, &dek, envelope.as_slice());
        let changed = self.store.reseal_channel(user, id, new, until, &self.audit, now).await;
        if !changed.map_err(|e| internal(&e))? {
            return Err(AppError::new(ErrorCode::Conflict));
        }
        // EXPOSE: its owner gets it, once.
        let secret = Some(secret.expose_secret().to_owned());
        Ok(IssuedChannel { view: self.channel(user, id).await?, secret })
    }

    /// Sends a message that shows whether messages arrive, and answers what became of it.
    pub async fn test_channel(&self, user: UserId, id: ChannelId) -> Result<MessageView, AppError> {
        self.channel(user, id).await?;
        self.limiter.check(Limit::ChannelTests, &[&user.to_string()]).await?;
        let queued = self.store.queue_test(user, id, super::send::LEASE, self.clock.now()).await;
        let taken = queued.map_err(|e| internal(&e))?.ok_or_else(|| AppError::new(ErrorCode::NotFound))?;
        self.send(&[taken]).await;
        let sent = self.store.messages(user, id, None, MESSAGES_SHOWN).await.map_err(|e| internal(&e))?;
        sent.into_iter().find(|one| one.id == taken.id).ok_or_else(|| AppError::new(ErrorCode::NotFound))
    }

    /// Sends to a place again that was given up.
    pub async fn enable_channel(&self, user: UserId, id: ChannelId) -> Result<ChannelView, AppError> {
        self.store.enable_channel(user, id).await.map_err(|e| internal(&e))?;
        self.channel(user, id).await
    }

    /// Removes a place with its log.
    pub async fn delete_channel(&self, user: UserId, id: ChannelId) -> Result<(), AppError> {
        let deleted = self.store.delete_channel(user, id, &self.audit, self.clock.now()).await;
        if deleted.map_err(|e| internal(&e))? { Ok(()) } else { Err(AppError::new(ErrorCode::NotFound)) }
    }

    /// A part of what was sent to a place, the latest first.
    pub async fn messages(
        &self,
        user: UserId,
        id: ChannelId,
        cursor: Option<MessageId>,
    ) -> Result<MessageList, AppError> {
        self.channel(user, id).await?;
        let mut items =
            self.store.messages(user, id, cursor, MESSAGES_SHOWN + 1).await.map_err(|e| internal(&e))?;
        let shown = usize::try_from(MESSAGES_SHOWN).unwrap_or(usize::MAX);
        let more = items.len() > shown;
        items.truncate(shown);
        let next = items.last().map(|last| last.id).filter(|_| more);
        Ok(MessageList { items, next })
    }

    /// Opens the address and the secret of a place.
    pub(super) fn open(
        &self,
        user: UserId,
        id: ChannelId,
        sealed: &SealedChannel,
    ) -> Result<Place, Undecryptable> {
        let context = Sealing::new(user, id, sealed.kind, sealed.version);
        let plaintext = self.vault.open(&sealed.dek, &context.of(&sealed.label), &sealed.envelope)?;
        Place::read(&plaintext).ok_or(Undecryptable)
    }
}

/// Where the address of a place belongs. It is bound to its kind, and to what is shown of it.
struct Sealing {
    owner: String,
    row: String,
    kind: ChannelKind,
    version: i64,
}

impl Sealing {
    fn new(user: UserId, id: ChannelId, kind: ChannelKind, version: i64) -> Self {
        Self { owner: user.to_string(), row: id.to_string(), kind, version }
    }

    fn of<'a>(&'a self, label: &'a str) -> RecordContext<'a> {
        RecordContext {
            tenant: TENANT,
            owner: &self.owner,
            kind: SecretKind::NoticeChannel,
            row_id: &self.row,
            provider: self.kind.code(),
            realm: label,
            credential_version: self.version.unsigned_abs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(place: &Place) -> Vec<(&str, i64)> {
        place.old.iter().map(|(secret, until)| (secret.expose_secret(), until.seconds())).collect()
    }

    #[test]
    fn old_secrets_count_for_their_time_and_are_few() {
        let at = Timestamp::from_seconds;
        let mut place =
            Place { address: "https://a.example".into(), secret: Some("0".into()), old: Vec::new() };
        for (n, now) in [(1, 10), (2, 20), (3, 30), (4, 40)] {
            place = place.rotated(n.to_string().into(), at(now + 100), at(now));
        }
        assert_eq!(old(&place), [("3", 140), ("2", 130), ("1", 120)], "the oldest made room");
        let place = Place::read(&place.plaintext().unwrap()).unwrap();
        assert_eq!(place.secret.as_ref().unwrap().expose_secret(), "4");
        let place = place.rotated("5".into(), at(230), at(130));
        assert_eq!(old(&place), [("4", 230), ("3", 140)]);
    }

    #[test]
    fn what_was_sealed_with_one_old_secret_is_read() {
        let place = Place::read(br#"{"address": "a", "secret": "b", "old": ["c", 5000000]}"#).unwrap();
        assert_eq!(old(&place), [("c", 5)]);
        assert!(Place::read(br#"{"address": "a", "secret": null, "old": null}"#).unwrap().old.is_empty());
    }
}
