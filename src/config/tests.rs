use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use secrecy::ExposeSecret;

use super::*;

const SECRET: &str = "fLrsCn5ztYQB8GSmPdUfTeyv4hxoKqVw";
const OTHER: &str = "0bJ9xWkR2ZpLmAe7uNcDgHiX5yT8sVq3";

fn read_with(variables: &[(&str, &str)], purpose: Purpose) -> Result<Config, Problems> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let files = |path: &Path| match path.to_str() {
        Some("/run/kek") => Ok(SecretString::from(SECRET)),
        Some("/run/jwt") => Ok(SecretString::from(OTHER)),
        Some("/run/open") => Err(FileError::OpenToOthers),
        _ => Err(FileError::Io(std::io::ErrorKind::NotFound)),
    };
    let site = SiteDefaults { addr: ([127, 0, 0, 1], 3000).into(), root: "target/site".into() };
    Config::read(&variables, files, purpose, site)
}

fn read(variables: &[(&str, &str)]) -> Result<Config, Problems> {
    read_with(variables, Purpose::Production)
}

fn wrong(variables: &[(&str, &str)]) -> Vec<String> {
    read(variables).unwrap_err().0.into_iter().map(|problem| problem.variable).collect()
}

/// The limits on log-ins, registrations, keys of a user, of an address and of the installation, and checks.
fn numbers(limits: Limits) -> [u32; 6] {
    [
        limits.login_per_minute,
        limits.register_per_hour,
        limits.keys_per_user_per_hour,
        limits.keys_per_address_per_hour,
        limits.keys_per_hour,
        limits.checks_per_user_per_hour,
    ]
    .map(NonZeroU32::get)
}

#[test]
fn it_runs_with_nothing_set() {
    let config = read(&[]).unwrap();
    assert_eq!(config.public_url.origin(), "http://127.0.0.1:3000");
    assert_eq!(config.registration, Registration::Open);
    assert_eq!(config.database_url.to_string(), "sqlite:data/keyward.db");
    assert_eq!(numbers(config.limits), [10, 20, 20, 60, 1_000, 120]);
    assert_eq!(config.limits.platform_calls_per_user_per_day.get(), 100);
    assert_eq!((config.log_filter.as_str(), config.log_format), ("info", LogFormat::Text));
    assert!(config.check_keys);
    assert!(config.encryption_secret.is_none() && config.jwt_secret.is_none());
    assert!(config.egress_proxy.is_none());
    assert!(config.provider_base_urls.is_empty() && config.trusted_proxies.is_empty());
    assert!(config.warnings.is_empty());
}

#[test]
fn traces_go_where_the_usual_variables_say() {
    assert_eq!(read(&[("OTEL_SERVICE_NAME", "keys")]).unwrap().traces, None);
    for (given, endpoint) in [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("https://otel.example.org/in/", "https://otel.example.org/in/v1/traces"),
    ] {
        let to = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", given)]).unwrap().traces.unwrap();
        assert_eq!((to.endpoint.as_str(), to.service_name.as_str()), (endpoint, "keyward"));
    }
    let named = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"), ("OTEL_SERVICE_NAME", "keys")];
    assert_eq!(read(&named).unwrap().traces.unwrap().service_name, "keys");
    for wrong in
        ["collector:4318", "grpc://collector", "http://user:hunter2@collector", "http://c/?key=hunter2"]
    {
        let problems = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", wrong)]).unwrap_err().to_string();
        assert!(
            problems.contains("OTEL_EXPORTER_OTLP_ENDPOINT") && !problems.contains("hunter2"),
            "{problems}"
        );
    }
}

#[test]
fn every_setting_is_read() {
    let config = read(&[
        ("DATABASE_URL", "postgres://kw:pw@db/keys"),
        ("API_KEY_ENCRYPTION_SECRET_FILE", "/run/kek"),
        ("JWT_SECRET_FILE", "/run/jwt"),
        ("ENABLE_API_KEY_VALIDATION", "false"),
        ("PUBLIC_URL", "https://keys.example.org"),
        ("KEYWARD_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7,2001:db8::/32"),
        ("KEYWARD_REGISTRATION", "closed"),
        ("KEYWARD_DATA_DIR", "/var/lib/keyward"),
        ("KEYWARD_PROVIDERS_DIR", "/etc/keyward/providers"),
        ("KEYWARD_SERPAPI_BASE_URL", "http://127.0.0.1:4010/serpapi"),
        ("KEYWARD_GOOGLE_AI_BASE_URL", "http://127.0.0.1:4010/google"),
        ("KEYWARD_EGRESS_PROXY", "http://user:pw@proxy.example.org:3128"),
        ("LEPTOS_SITE_ADDR", "0.0.0.0:8080"),
        ("LEPTOS_SITE_ROOT", "/srv/site"),
        ("KEYWARD_LOG", "warn,keyward::keys=debug"),
        ("KEYWARD_LOG_FORMAT", "json"),
        ("KEYWARD_LIMIT_LOGIN_PER_MINUTE", "1"),
        ("KEYWARD_LIMIT_REGISTER_PER_HOUR", "2"),
        ("KEYWARD_LIMIT_KEYS_PER_USER_PER_HOUR", "3"),
        ("KEYWARD_LIMIT_KEYS_PER_ADDRESS_PER_HOUR", "4"),
        ("KEYWARD_LIMIT_KEYS_PER_HOUR", "5"),
        ("KEYWARD_LIMIT_CHECKS_PER_USER_PER_HOUR", "6"),
    ])
    .unwrap();
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(config.database_url.engine(), Engine::Postgres);
    assert_eq!(config.encryption_secret.unwrap().expose_secret(), SECRET);
    assert_eq!(config.jwt_secret.unwrap().expose_secret(), OTHER);
    assert!(!config.check_keys);
    assert_eq!(config.public_url.to_string(), "https://keys.example.org");
    assert_eq!(config.trusted_proxies.len(), 3);
    assert_eq!(config.registration, Registration::Closed);
    assert_eq!(config.data_dir, Path::new("/var/lib/keyward"));
    assert_eq!(config.providers_dir.as_deref(), Some(Path::new("/etc/keyward/providers")));
    assert_eq!(config.provider_base_urls[&ProviderId::SERPAPI], "http://127.0.0.1:4010/serpapi");
    assert_eq!(config.provider_base_urls[&ProviderId::GOOGLE_AI], "http://127.0.0.1:4010/google");
    assert!(config.egress_proxy.is_some());
    assert_eq!(config.site_addr.to_string(), "0.0.0.0:8080");
    assert_eq!(config.site_root, Path::new("/srv/site"));
    assert_eq!(config.log_filter, "warn,keyward::keys=debug");
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(numbers(config.limits), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn all_problems_are_told_at_once_and_none_with_its_value() {
    const CANARY: &str = "canary-7f3e";
    let names = [
        "DATABASE_URL",
        "JWT_SECRET",
        "API_KEY_ENCRYPTION_SECRET_FILE",
        "ENABLE_API_KEY_VALIDATION",
        "PUBLIC_URL",
        "KEYWARD_TRUSTED_PROXIES",
        "KEYWARD_REGISTRATION",
        "KEYWARD_EGRESS_PROXY",
        "LEPTOS_SITE_ADDR",
        "KEYWARD_LOG_FORMAT",
        "KEYWARD_LIMIT_LOGIN_PER_MINUTE",
        "KEYWARD_LIMIT_REGISTER_PER_HOUR",
        "KEYWARD_LIMIT_KEYS_PER_USER_PER_HOUR",
        "KEYWARD_LIMIT_KEYS_PER_ADDRESS_PER_HOUR",
        "KEYWARD_LIMIT_KEYS_PER_HOUR",
        "KEYWARD_LIMIT_CHECKS_PER_USER_PER_HOUR",
    ];
    let mut variables = names.map(|name| (name, CANARY)).to_vec();
    variables.push(("KEYWARD_LOG", "keyward=canary-7f3e"));
    let problems = read(&variables).unwrap_err();
    for (name, _) in &variables {
        assert!(problems.0.iter().any(|problem| problem.variable == *name), "{name}");
    }
    assert_eq!(problems.0.len(), variables.len(), "{problems}");
    assert!(!problems.to_string().contains(CANARY), "{problems}");
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    assert!(read(&[("PUBLIC_URL", ""), ("JWT_SECRET", " "), ("KEYWARD_LOG", "")]).is_ok());
}

#[test]
fn a_secret_and_its_file_exclude_each_other() {
    let both = [("JWT_SECRET", SECRET), ("JWT_SECRET_FILE", "/run/kek")];
    assert_eq!(
        read(&both).unwrap_err().to_string(),
        "The settings are not usable:\n  JWT_SECRET and JWT_SECRET_FILE are both set. Keep one of them; the file is safer."
    );
    assert_eq!(wrong(&[("JWT_SECRET_FILE", "/run/open")]), ["JWT_SECRET_FILE"]);
    assert_eq!(wrong(&[("JWT_SECRET_FILE", "/run/absent")]), ["JWT_SECRET_FILE"]);
}

#[test]
fn an_installation_for_others_is_https_with_explicit_secrets() {
    let secrets = [("API_KEY_ENCRYPTION_SECRET_FILE", "/run/kek"), ("JWT_SECRET_FILE", "/run/jwt")];
    let with = |url| [secrets[0], secrets[1], ("PUBLIC_URL", url)];
    assert_eq!(read(&with("https://keys.example.org")).unwrap().registration, Registration::Invite);
    assert_eq!(wrong(&with("http://keys.example.org")), ["PUBLIC_URL"]);
    assert_eq!(
        wrong(&[("PUBLIC_URL", "https://keys.example.org")]),
        ["API_KEY_ENCRYPTION_SECRET", "JWT_SECRET"]
    );
    assert_eq!(
        wrong(&[("LEPTOS_SITE_ADDR", "192.0.2.7:3000")]),
        ["PUBLIC_URL", "API_KEY_ENCRYPTION_SECRET", "JWT_SECRET"]
    );
    // A container listens everywhere and is still a private installation.
    assert_eq!(read(&[("LEPTOS_SITE_ADDR", "0.0.0.0:3000")]).unwrap().registration, Registration::Open);
}

#[test]
fn the_jwt_key_is_independent_and_not_guessable() {
    let ring = format!("{OTHER}\n{SECRET}");
    assert_eq!(wrong(&[("API_KEY_ENCRYPTION_SECRET", &ring), ("JWT_SECRET", SECRET)]), ["JWT_SECRET"]);
    assert_eq!(wrong(&[("JWT_SECRET", &SECRET[1..])]), ["JWT_SECRET"]);
    assert_eq!(wrong(&[("JWT_SECRET", &"changeme".repeat(8))]), ["JWT_SECRET"]);
}

#[test]
fn the_demo_keeps_to_itself_and_to_loopback() {
    let demo = read_with(&[], Purpose::Demo).unwrap();
    assert_eq!(demo.data_dir, Path::new("data/demo"));
    assert_eq!(demo.database_url.to_string(), "sqlite:data/demo/keyward.db");
    let public = [
        ("PUBLIC_URL", "https://keys.example.org"),
        ("JWT_SECRET_FILE", "/run/jwt"),
        ("API_KEY_ENCRYPTION_SECRET_FILE", "/run/kek"),
    ];
    assert_eq!(read_with(&public, Purpose::Demo).unwrap_err().0[0].variable, "PUBLIC_URL");
}

#[test]
fn debug_output_holds_no_secret() {
    let config = read(&[
        ("DATABASE_URL", "postgres://kw:hunter2@db/keys"),
        ("KEYWARD_EGRESS_PROXY", "http://user:hunter2@proxy:1"),
        ("JWT_SECRET", SECRET),
        ("API_KEY_ENCRYPTION_SECRET", OTHER),
    ])
    .unwrap();
    let text = format!("{config:?}");
    assert!(!text.contains("hunter2") && !text.contains(SECRET) && !text.contains(OTHER), "{text}");
}

fn in_data_dir(dir: &Path) -> Config {
    read(&[("KEYWARD_DATA_DIR", dir.to_str().unwrap())]).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn secrets_are_made_once_for_a_database_without_a_fingerprint() {
    let home = tempfile::tempdir().unwrap();
    let config = in_data_dir(&home.path().join("data"));
    let kek = || Some(SecretString::from(SECRET));

    let made = config.secrets(None, kek).unwrap();
    assert!(made.notice.is_some_and(|notice| notice.contains("Back this up apart from the database")));
    let dir = home.path().join("data/secrets");
    assert_eq!((mode(&dir), mode(&dir.join("kek")), mode(&dir.join("jwt"))), (0o700, 0o600, 0o600));
    assert!(made.jwt.expose_secret().len() >= 32);

    let again = config.secrets(Some("5eed"), || None).unwrap();
    assert!(again.notice.is_none());
    assert_eq!(again.encryption.expose_secret(), SECRET);
    assert_eq!(again.jwt.expose_secret(), made.jwt.expose_secret());

    fs::remove_file(dir.join("kek")).unwrap();
    let lost = config.secrets(Some("5eed"), kek).unwrap_err().to_string();
    assert!(lost.contains("fingerprint 5eed") && lost.contains("secrets/kek"), "{lost}");
    assert!(!dir.join("kek").exists());
}

#[test]
fn secret_files_are_read_strictly() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("secret");
    let put = |bytes: &[u8], mode| {
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        read_secret_file(&path).map(|secret| secret.expose_secret().to_owned())
    };
    assert_eq!(put(b"  line\nline \n", 0o600).as_deref(), Ok("line\nline"));
    assert_eq!(put(b"line", 0o400).as_deref(), Ok("line"));
    for open in [0o640, 0o604, 0o660, 0o620] {
        assert_eq!(put(b"line", open), Err(FileError::OpenToOthers), "{open:o}");
    }
    assert_eq!(put(b" \n", 0o600), Err(FileError::Empty));
    assert_eq!(put(b"\xff", 0o600), Err(FileError::NotText));
    assert_eq!(put(&[b'a'; 70_000], 0o600), Err(FileError::TooLarge));
    assert_eq!(read_secret_file(home.path()).map(drop), Err(FileError::NotAFile));
}

#[test]
fn a_secret_file_that_is_a_pipe_does_not_stop_the_start() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("pipe");
    if Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()) {
        assert_eq!(read_secret_file(&path).map(drop), Err(FileError::NotAFile));
    }
}
