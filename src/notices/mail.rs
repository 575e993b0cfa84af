//! E-mail, by the operator's server. Addresses and header lines are built by `lettre`, which encodes what could start a
//! line of its own.

use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart, header::ContentType},
    transport::smtp::{authentication::Credentials, extension::ClientId},
};
use secrecy::ExposeSecret;

use super::message::{Told, html, plain, subject};
use crate::model::notice::DeliveryFault;

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
    /// Sends by this server. The process must have installed a default `rustls` crypto provider before.
    pub fn new(settings: &MailSettings) -> Result<Self, MailError> {
        let from = settings.from.parse().map_err(|_| MailError::From)?;
        let builder = match settings.security {
            MailSecurity::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(&settings.host),
            MailSecurity::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&settings.host),
            MailSecurity::Plain => {
                Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host))
            }
        };
        let builder = builder.map_err(|_| MailError::Server)?;
        let builder = builder.timeout(Some(PATIENCE)).hello_name(ClientId::Domain("keyward".to_owned()));
        let builder =
            settings.port.into_iter().fold(builder, lettre::transport::smtp::AsyncSmtpTransportBuilder::port);
        let builder = match &settings.login {
            // EXPOSE: the operator's own password for the operator's own server.
            Some((user, password)) => {
                builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()))
            }
            None => builder,
        };
        Ok(Self { transport: builder.build(), from })
    }

    /// Sends what happened.
    pub(super) async fn send(&self, to: &str, told: &[Told], site: &str) -> Result<(), DeliveryFault> {
        let body = MultiPart::alternative_plain_html(plain(told, site), html(told, site));
        let message =
            self.envelope(to, &subject(told))?.multipart(body).map_err(|_| DeliveryFault::Refused)?;
        self.deliver(message).await
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
            Ok(Err(error)) if error.is_timeout() => Err(DeliveryFault::TimedOut),
            Ok(Err(error)) if error.is_permanent() || error.is_transient() => Err(DeliveryFault::Refused),
            Ok(Err(_)) => Err(DeliveryFault::NoConnection),
            Err(_) => Err(DeliveryFault::TimedOut),
        }
    }
}
