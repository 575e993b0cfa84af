//! E-mail, by the operator's server. Addresses and header lines are built by `lettre`, which encodes what could start a
//! line of its own.

use std::{net::IpAddr, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart, header::ContentType},
    transport::smtp::{authentication::Credentials, extension::ClientId},
};
use secrecy::ExposeSecret;
use sha2::{Digest as _, Sha256};

use super::message::{Told, html, plain, subject};
use crate::model::{ids::MessageId, notice::DeliveryFault};

/// The server, as the settings say.
pub use crate::config::{MailSecurity, MailSettings};

/// How long the server may take for each of its answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take for everything.
const BUDGET: Duration = Duration::from_secs(15);

/// Sends e-mail.
#[derive(Debug)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// The host of this installation.
    host: String,
}

/// The settings cannot be used. The values are not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The sender is no mailbox.
    #[error("KEYWARD_MAIL_FROM is not an e-mail address. Write it like Keyward <keyward@example.org>.")]
    From,
    /// TLS cannot be set up for the server's name.
    #[error("KEYWARD_SMTP_URL names a server to which no secure connection can be made. Check its name.")]
    Server,
}

impl Mailer {
    /// Sends by this server, which is told `host`, that of this installation. The process must have installed a default
    /// `rustls` crypto provider before.
    pub fn new(settings: &MailSettings, host: &str) -> Result<Self, MailError> {
        let from = settings.from.parse().map_err(|_| MailError::From)?;
        let builder = match settings.security {
            MailSecurity::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(&settings.host),
            MailSecurity::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&settings.host),
            MailSecurity::Plain => {
                Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host))
            }
        };
        let builder = builder.map_err(|_| MailError::Server)?;
        let builder = builder.timeout(Some(PATIENCE)).hello_name(client_id(host));
        let builder =
            settings.port.into_iter().fold(builder, lettre::transport::smtp::AsyncSmtpTransportBuilder::port);
        let builder = match &settings.login {
            // EXPOSE: the operator's own password for the operator's own server.
            Some((user, password)) => {
                builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()))
            }
            None => builder,
        };
        Ok(Self { transport: builder.build(), from, host: host.to_owned() })
    }

    /// Sends what happened. One that is sent again, after a crash, has the same `Message-ID`.
    pub(super) async fn send(
        &self,
        to: &str,
        ids: &[MessageId],
        told: &[Told],
        site: &str,
    ) -> Result<(), DeliveryFault> {
        let body = MultiPart::alternative_plain_html(plain(told, site), html(told, site));
        let message = self.envelope(to, &subject(told))?.message_id(Some(message_id(ids, &self.host)));
        self.deliver(message.multipart(body).map_err(|_| DeliveryFault::Refused)?).await
    }

    /// Sends the code that proves an address.
    pub(super) async fn send_code(&self, to: &str, code: &str, site: &str) -> Result<(), DeliveryFault> {
        let text = format!(
            "To get Keyward's notices at this address, enter this code at {site}/settings/notifications\n\n\
             {code}\n\nIf you did not ask for it, do nothing: nothing else will be sent to you.\n"
        );
        let message = self.envelope(to, "Your code")?.header(ContentType::TEXT_PLAIN).body(text);
        self.deliver(message.map_err(|_| DeliveryFault::Refused)?).await
    }

    fn envelope(&self, to: &str, subject: &str) -> Result<lettre::message::MessageBuilder, DeliveryFault> {
        let to = to.parse().map_err(|_| DeliveryFault::Refused)?;
        Ok(Message::builder().from(self.from.clone()).to(to).subject(format!("[Keyward] {subject}")))
    }

    async fn deliver(&self, message: Message) -> Result<(), DeliveryFault> {
        match tokio::time::timeout(BUDGET, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(fault(error.status().map(u16::from))),
            Err(_) => Err(DeliveryFault::MailAway),
        }
    }
}

/// What an answer of the mail server says: of the address it speaks where it refuses for good, and not for what it
/// thinks of this installation.
fn fault(status: Option<u16>) -> DeliveryFault {
    match status {
        // RFC 4954: no login, a wrong one, or one that is too weak.
        Some(530 | 534 | 535 | 538) | None => DeliveryFault::MailAway,
        Some(500..) => DeliveryFault::Refused,
        Some(_) => DeliveryFault::MailAway,
    }
}

/// How this installation calls itself, as RFC 5321 wants it: by a name, or by an address in brackets.
fn client_id(host: &str) -> ClientId {
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) => ClientId::Domain(host.to_owned()),
    }
}

/// The same for the same messages, and another where one more is told.
fn message_id(ids: &[MessageId], host: &str) -> String {
    let digest = ids.iter().fold(Sha256::new(), |digest, id| digest.chain_update(id.0.as_bytes())).finalize();
    let half: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("<{half}@{host}>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_calls_itself_by_its_name_or_its_address() {
        assert_eq!(client_id("keys.example.org").to_string(), "keys.example.org");
        assert_eq!(client_id("192.0.2.1").to_string(), "[192.0.2.1]");
        assert_eq!(client_id("[2001:db8::1]").to_string(), "[IPv6:2001:db8::1]");
    }

    #[test]
    fn what_tells_the_same_has_the_same_id() {
        let (one, other) = (MessageId::generate(), MessageId::generate());
        let id = message_id(&[one, other], "keys.example.org");
        assert_eq!(id, message_id(&[one, other], "keys.example.org"));
        assert_ne!(id, message_id(&[one], "keys.example.org"));
        assert!(id.starts_with('<') && id.ends_with("@keys.example.org>"));
    }

    #[test]
    fn what_is_wrong_with_this_installation_is_not_the_fault_of_an_address() {
        for (status, of_address) in
            [(None, false), (Some(421), false), (Some(451), false), (Some(535), false), (Some(550), true)]
        {
            assert_eq!(!fault(status).is_of_installation(), of_address, "{status:?}");
        }
    }
}
