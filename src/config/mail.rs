//! How e-mail is sent.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::reader::Reader;

/// How the connection to the mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte: `smtps://`.
    Tls,
    /// TLS after STARTTLS, without which nothing is sent: `smtp://`.
    StartTls,
    /// None: `smtp://` to this machine.
    Plain,
}

/// The mail server, and from whom mail comes.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// The server.
    pub host: String,
    /// Its port, where it is not the usual one.
    pub port: Option<u16>,
    /// How the connection is secured.
    pub security: MailSecurity,
    /// User name and password.
    pub login: Option<(String, SecretString)>,
    /// The sender: `Keyward <keyward@example.org>`.
    pub from: String,
}

const URL: &str = "KEYWARD_SMTP_URL";
const FROM: &str = "KEYWARD_MAIL_FROM";

/// Reads `KEYWARD_SMTP_URL` (or its file) and `KEYWARD_MAIL_FROM`. Both or neither.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<MailSettings> {
    let url = reader.secret(URL);
    let from = reader.text(FROM).map(str::to_owned);
    let (url, from) = match (url, from) {
        (Some(url), Some(from)) => (url, from),
        (Some(_), None) => {
            reader.problem(
                FROM,
                "is missing",
                "Set it to the sender of e-mails, such as Keyward <keyward@example.org>",
            );
            return None;
        }
        (None, Some(_)) if !reader.is_given(URL) => {
            reader.problem(
                URL,
                "is missing",
                "Set it to your mail server, such as smtps://user:password@mail.example.org",
            );
            return None;
        }
        (None, _) => return None,
    };
    // EXPOSE: read, and taken apart; the password stays a secret.
    let server = Url::parse(url.expose_secret().trim()).ok().and_then(|url| server(&url));
    let Some((host, port, security, login)) = server else {
        reader.problem(
            URL,
            "is not the address of a mail server",
            "Write it like smtps://user:password@mail.example.org, or smtp://mail.example.org:587 for STARTTLS",
        );
        return None;
    };
    // The same reading as of what is sent later; here only its form is looked at.
    if !from.contains('@') || from.chars().any(char::is_control) {
        reader.problem(FROM, "is not an e-mail address", "Write it like Keyward <keyward@example.org>");
        return None;
    }
    Some(MailSettings { host, port, security, login, from })
}

type Server = (String, Option<u16>, MailSecurity, Option<(String, SecretString)>);

fn server(url: &Url) -> Option<Server> {
    let host = url.host_str().filter(|host| !host.is_empty())?.trim_matches(['[', ']']).to_owned();
    let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let security = match url.scheme() {
        "smtps" => MailSecurity::Tls,
        "smtp" if local => MailSecurity::Plain,
        "smtp" => MailSecurity::StartTls,
        _ => return None,
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    let decode = |text: &str| Some(percent_decode(text)).filter(|text| !text.is_empty());
    let login = match (decode(url.username()), url.password().and_then(decode)) {
        (Some(user), Some(password)) => Some((user, password.into())),
        (None, None) => None,
        _ => return None,
    };
    Some((host, url.port(), security, login))
}

/// `%40` → `@`. What means something in a form, and nothing here, stays as it is.
fn percent_decode(text: &str) -> String {
    let text = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let pairs = url::form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned());
    pairs.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = (String, Option<u16>, MailSecurity, Option<(String, String)>);

    fn of(text: &str) -> Option<Seen> {
        let (host, port, security, login) = server(&Url::parse(text).ok()?)?;
        let login = login.map(|(user, password)| (user, password.expose_secret().to_owned()));
        Some((host, port, security, login))
    }

    #[test]
    fn a_server_off_this_machine_is_asked_by_tls_only() {
        let host = || "mail.example.org".to_owned();
        assert_eq!(of("smtps://mail.example.org"), Some((host(), None, MailSecurity::Tls, None)));
        assert_eq!(
            of("smtp://mail.example.org:587"),
            Some((host(), Some(587), MailSecurity::StartTls, None))
        );
        assert_eq!(of("smtp://[::1]:25"), Some(("::1".to_owned(), Some(25), MailSecurity::Plain, None)));
        let login = Some(("ana@example.org".to_owned(), "a:b+c/d&e=f&".to_owned()));
        assert_eq!(
            of("smtps://ana%40example.org:a%3Ab+c%2Fd&e=f%26@mail.example.org:465"),
            Some((host(), Some(465), MailSecurity::Tls, login))
        );
        for bad in [
            "https://mail.example.org",
            "smtp:mail",
            "smtps://mail.example.org/x",
            "smtps://u@mail.example.org",
            "smtp://mail.example.org?tls=none",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
