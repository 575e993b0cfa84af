//! Contexts: where a sealed value belongs. They are authenticated, not stored, so a value that is
//! moved to another row, owner, provider, destination or version does not open there.
//!
//! Each is a struct without optional or default fields: a new field is a compile error wherever one
//! is made. **Version 1 is frozen**: changing an encoding makes every stored value unreadable.

use super::error::VaultError;

/// The tenant of every context; one installation has one.
pub const TENANT: &str = "default";

/// The owner of the instance's own data key, in the place of a user's id.
pub const INSTANCE: &str = "instance";

/// The first field of every context of version 1.
const VERSION: &[u8] = b"byok/aad/v1";

/// Most bytes of an encoded context. Real ones have about 250.
pub(super) const MAX_CONTEXT: usize = 16 * 1024;

/// What an envelope asks of a context.
pub(super) trait Context {
    /// The type byte in the envelope's header.
    fn type_byte(&self) -> u8;

    /// The injective encoding.
    fn encode(&self) -> Result<Vec<u8>, VaultError>;
}

/// What a record holds: its type byte, and the label of its column. The labels are constants of the
/// format, independent of the names in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// A stored credential of a provider. Type 02, `provider_keys.secret`.
    ProviderKey,
    /// A replaced credential, kept for a while. Type 02, `retired_credentials.secret`.
    RetiredKey,
    /// The copy of a secret that verifies a provider's webhooks. Type 03, `webhook.secret`.
    WebhookSecret,
    /// Where a user is told of notices, and what signs that. Type 05, `notice_channels.secret`.
    NoticeChannel,
}

impl SecretKind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::ProviderKey, Self::RetiredKey, Self::WebhookSecret, Self::NoticeChannel];

    const fn type_byte(self) -> u8 {
        match self {
            Self::ProviderKey | Self::RetiredKey => 0x02,
            Self::WebhookSecret => 0x03,
            Self::NoticeChannel => 0x05,
        }
    }

    /// The column label of the context.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ProviderKey => "provider_keys.secret",
            Self::RetiredKey => "retired_credentials.secret",
            Self::WebhookSecret => "webhook.secret",
            Self::NoticeChannel => "notice_channels.secret",
        }
    }
}

/// The place of a record that is sealed under its owner's data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordContext<'a> {
    /// The tenant: [`TENANT`].
    pub tenant: &'a str,
    /// The owner's id, 36 lower-case characters.
    pub owner: &'a str,
    /// What the record holds.
    pub kind: SecretKind,
    /// The row's id, 36 lower-case characters.
    pub row_id: &'a str,
    /// The provider's id.
    pub provider: &'a str,
    /// The realm binding: where the credential may be sent, such as `https://api.openai.com:443`.
    pub realm: &'a str,
    /// The credential's version; changes on store and replace only.
    pub credential_version: u64,
}

impl Context for RecordContext<'_> {
    fn type_byte(&self) -> u8 {
        self.kind.type_byte()
    }

    fn encode(&self) -> Result<Vec<u8>, VaultError> {
        encode(&[
            VERSION,
            self.tenant.as_bytes(),
            self.owner.as_bytes(),
            self.kind.label().as_bytes(),
            self.row_id.as_bytes(),
            self.provider.as_bytes(),
            self.realm.as_bytes(),
            &self.credential_version.to_be_bytes(),
        ])
    }
}

/// The place of a data key that is wrapped by a KEK.
pub(super) struct DekContext<'a> {
    pub(super) tenant: &'a str,
    pub(super) owner: &'a str,
    pub(super) dek_id: &'a str,
    pub(super) version: u64,
}

impl Context for DekContext<'_> {
    fn type_byte(&self) -> u8 {
        0x01
    }

    fn encode(&self) -> Result<Vec<u8>, VaultError> {
        encode(&[
            VERSION,
            self.tenant.as_bytes(),
            self.owner.as_bytes(),
            b"deks.wrapped",
            self.dek_id.as_bytes(),
            &self.version.to_be_bytes(),
        ])
    }
}

/// The place of the key of the audit chains, sealed under the instance's data key. There is one. Type 0A.
pub(super) struct AuditKeyContext;

impl Context for AuditKeyContext {
    fn type_byte(&self) -> u8 {
        0x0A
    }

    fn encode(&self) -> Result<Vec<u8>, VaultError> {
        encode(&[VERSION, TENANT.as_bytes(), INSTANCE.as_bytes(), b"instance.audit_key"])
    }
}

/// The place of the constant by which a KEK is recognised at start. Type 09.
pub(super) struct CheckContext<'a> {
    pub(super) kek_id: &'a str,
}

impl Context for CheckContext<'_> {
    fn type_byte(&self) -> u8 {
        0x09
    }

    fn encode(&self) -> Result<Vec<u8>, VaultError> {
        encode(&[
            VERSION,
            TENANT.as_bytes(),
            INSTANCE.as_bytes(),
            b"kek_checks.value",
            self.kek_id.as_bytes(),
        ])
    }
}

/// An injective encoding of a list: the number of fields as u32be, then each field as its length in
/// u32be and its bytes. Two different lists never have the same encoding.
pub(super) fn encode(fields: &[&[u8]]) -> Result<Vec<u8>, VaultError> {
    let size: usize = 4 + fields.iter().map(|field| 4 + field.len()).sum::<usize>();
    if size > MAX_CONTEXT {
        return Err(VaultError::ContextTooLong);
    }
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(&length(fields.len())?);
    for field in fields {
        out.extend_from_slice(&length(field.len())?);
        out.extend_from_slice(field);
    }
    Ok(out)
}

fn length(count: usize) -> Result<[u8; 4], VaultError> {
    u32::try_from(count).map(u32::to_be_bytes).map_err(|_| VaultError::ContextTooLong)
}
