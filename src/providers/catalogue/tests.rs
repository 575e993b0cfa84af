//! The files themselves, and what is wrong with broken ones.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _};

use proptest::prelude::*;

use super::*;
use crate::model::provider::{Cost, lookalike, provider_name};

fn parse(files: &[(&str, &str)]) -> Result<Catalogue, CatalogueError> {
    let mut catalogue = Catalogue(Vec::new());
    files.iter().try_for_each(|(name, text)| catalogue.add(name, name, text, false).map(drop))?;
    Ok(catalogue)
}

fn text_of(id: &str) -> &'static str {
    FILES.iter().find(|(name, _)| *name == format!("{id}.toml")).unwrap().1
}

#[test]
fn the_embedded_files_are_right() {
    let catalogue = Catalogue::embedded().unwrap();
    assert_eq!(catalogue.0.len(), FILES.len());
    for provider in catalogue.iter() {
        let info = &provider.info;
        assert!(!info.by_operator && info.least_privilege.is_some(), "{}", info.id);
        // Each call has an answer, and each file one that refuses.
        for call in &provider.file.probe {
            let answered = provider.file.answers.iter().any(|answer| answer.call == call.operation);
            assert!(answered, "{} {}", info.id, call.operation);
        }
        let refused =
            |answer: &answers::DocumentedAnswer| answer.outcome == crate::model::check::Outcome::Invalid;
        assert!(provider.file.answers.iter().any(refused), "{}", info.id);
    }
}

#[test]
fn every_file_of_the_folder_is_embedded() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/providers/catalogue"));
    let files = own_files(folder).unwrap();
    let names: Vec<_> = files.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    for name in &names {
        assert!(FILES.iter().any(|(known, _)| known == name), "{name}");
    }
    assert_eq!(names.len(), FILES.len());
}

#[test]
fn names_and_services_agree_with_the_files() {
    for requirement in ServiceId::ALL.iter().flat_map(|service| service.requirements()) {
        let provider = Catalogue::shared().get(requirement.provider).unwrap();
        assert_eq!(provider_name(requirement.provider), provider.info.name);
    }
    let used = Catalogue::shared().iter().filter(|provider| !provider.info.used_by.is_empty());
    assert_eq!(used.count(), 6);
}

/// Sealed credentials are bound to these for ever. A line may be added, none changed.
#[test]
fn the_bindings_are_frozen() {
    let catalogue = Catalogue::embedded().unwrap();
    let bindings: Vec<_> = catalogue
        .iter()
        .flat_map(|p| {
            p.file.realms.iter().map(|r| (p.info.id.as_str(), r.region.as_deref(), r.binding.as_str()))
        })
        .collect();
    assert_eq!(
        bindings,
        [
            ("serpapi", None, "https://serpapi.com:443"),
            ("elevenlabs", Some("global"), "https://api.elevenlabs.io:443"),
            ("elevenlabs", Some("us"), "https://api.us.elevenlabs.io:443"),
            ("elevenlabs", Some("eu"), "https://api.eu.residency.elevenlabs.io:443"),
            ("elevenlabs", Some("in"), "https://api.in.residency.elevenlabs.io:443"),
            ("elevenlabs", Some("sg"), "https://api.sg.residency.elevenlabs.io:443"),
            ("openai", None, "https://api.openai.com:443"),
            ("twilio", Some("us1"), "https://api.twilio.com:443"),
            ("twilio", Some("ie1"), "https://api.dublin.ie1.twilio.com:443"),
            ("twilio", Some("au1"), "https://api.sydney.au1.twilio.com:443"),
            ("anthropic", None, "https://api.anthropic.com:443"),
            ("google_ai", None, "https://generativelanguage.googleapis.com:443"),
            ("mistral", None, "https://api.mistral.ai:443"),
            ("groq", None, "https://api.groq.com:443"),
            ("deepseek", None, "https://api.deepseek.com:443"),
            ("xai", None, "https://api.x.ai:443"),
            ("cohere", None, "https://api.cohere.com:443"),
            ("together", None, "https://api.together.xyz:443"),
            ("fireworks", None, "https://api.fireworks.ai:443"),
            ("openrouter", None, "https://openrouter.ai:443"),
            ("perplexity", None, "https://api.perplexity.ai:443"),
            ("huggingface", None, "https://huggingface.co:443"),
            ("deepgram", None, "https://api.deepgram.com:443"),
            ("assemblyai", Some("us"), "https://api.assemblyai.com:443"),
            ("assemblyai", Some("eu"), "https://api.eu.assemblyai.com:443"),
            ("cartesia", None, "https://api.cartesia.ai:443"),
            ("telnyx", None, "https://api.telnyx.com:443"),
            ("tavily", None, "https://api.tavily.com:443"),
            ("exa", None, "https://api.exa.ai:443"),
            ("brave_search", None, "https://api.search.brave.com:443"),
            ("firecrawl", None, "https://api.firecrawl.dev:443"),
            ("replicate", None, "https://api.replicate.com:443"),
            ("stability", None, "https://api.stability.ai:443"),
            ("sendgrid", Some("global"), "https://api.sendgrid.com:443"),
            ("sendgrid", Some("eu"), "https://api.eu.sendgrid.com:443"),
            ("resend", None, "https://api.resend.com:443"),
            ("github", None, "https://api.github.com:443"),
        ]
    );
    // Bound to the address that was typed.
    let typed: BTreeMap<_, _> = catalogue
        .iter()
        .filter_map(|p| Some((p.info.id.as_str(), p.file.endpoint.as_ref()?.field.as_str())))
        .collect();
    assert_eq!(typed, BTreeMap::from([("azure_openai", "endpoint")]));
}

#[test]
fn the_budgets_are_those_of_the_design() {
    for provider in Catalogue::shared().iter() {
        for (name, budget) in &provider.file.budgets {
            let expected = match (name.as_str(), provider.info.id.as_str()) {
                // Their lists of models come whole.
                ("probe", "openai" | "elevenlabs" | "mistral" | "groq" | "azure_openai") => (1 << 20, 15_000),
                ("probe", "together") => (2 << 20, 15_000),
                // All organisations of an account.
                ("probe", "huggingface") => (1 << 20, 15_000),
                // A page of results, however few.
                ("probe", "brave_search") => (256 << 10, 15_000),
                ("probe", _) => (64 << 10, 15_000),
                ("json", _) => (4 << 20, 60_000),
                // Lists of numbers and calls; somebody waits at the telephone.
                ("call", "twilio") => (1 << 20, 20_000),
                // A call lasts an hour at the most.
                ("audio", "twilio") => (64 << 20, 600_000),
                // Files go up as fast as the line is.
                ("upload", "elevenlabs") => (64 << 10, 120_000),
                // 10,000 characters, spoken slowly and without compression.
                ("audio", "elevenlabs") => (100 << 20, 600_000),
                (other, id) => panic!("{id} {other}"),
            };
            assert_eq!((budget.max_bytes, budget.deadline_ms), expected, "{}", provider.info.id);
        }
    }
}

#[test]
fn checks_that_are_not_free_are_known() {
    let cost = |cost: Cost| -> Vec<&str> {
        let all = Catalogue::shared().iter().map(|provider| &provider.info);
        all.filter(|info| info.check_cost == cost).map(|info| info.id.as_str()).collect()
    };
    assert_eq!(cost(Cost::Counts), ["brave_search", "github"]);
    assert_eq!(cost(Cost::Billed), ["perplexity", "exa"]);
}

/// What to change in a file, and the line and words of the error.
type Case<'a> = (&'a str, &'a str, &'a str);

fn refuses(id: &str, cases: &[Case<'_>]) {
    let text = text_of(id);
    for (from, to, expected) in cases {
        assert!(text.contains(from), "{from}");
        let line = text[..text.find(from).unwrap()].matches('\n').count() + 1;
        let changed = text.replacen(from, to, 1);
        let error = parse(&[(&format!("{id}.toml"), &changed)]).expect_err(to).to_string();
        let (head, problem) = error.split_once(": ").unwrap();
        assert!(problem.contains(expected), "{to}: {error}");
        let told: usize =
            head.strip_prefix(&format!("catalogue file {id}.toml, line ")).unwrap().parse().unwrap();
        // On the line itself, or where the part begins that is wrong with it.
        assert!(told.abs_diff(line) <= 20 || told == 1, "{to}: line {line}, told {error}");
    }
}

#[test]
fn an_error_names_the_file_the_line_and_what_is_wrong() {
    refuses(
        "serpapi",
        &[
            ("noun =", "nuon =", "unknown field `nuon`"),
            ("id = \"serpapi\"", "id = \"Serp API\"", "not a valid identifier"),
            ("id = \"serpapi\"", "id = \"serp\"", "is not what the file is named after"),
            ("category = \"search\"", "category = \"searching\"", "unknown variant `searching`"),
            ("check_every = \"six_hours\"", "check_every = \"year\"", "unknown variant `year`"),
            ("then = \"invalid\" }", "then = \"bad\" }", "unknown variant `bad`"),
            ("\"no_permission\"", "\"accepted\"", "probe account: rule 2: this reason does not fit"),
            ("path = \"/account.json\"", "path = \"/account?x=1\"", "probe account: path"),
            (
                "path = \"/account.json\"",
                "path = \"/{api_key}\"",
                "probe account: path: field api_key is secret",
            ),
            (
                "path = \"/account.json\"",
                "path = \"/{nobody}\"",
                "probe account: path: no form has the field nobody",
            ),
            (
                "path = \"/account.json\"",
                "path = \"/a\"\nbody = { a = 1 }",
                "probe account: a body needs the method POST",
            ),
            ("budget = \"json\"", "budget = \"big\"", "operation search: no budget is called big"),
            ("probe = {", "prove = {", "no budget is called probe"),
            ("decides = true", "decides = false", "a call that does not decide cannot refuse"),
            ("decides = true", "decides = true\ncost = \"dear\"", "unknown variant `dear`"),
            ("binding = \"https://serpapi.com:443\"", "binding = \"https://serpapi.com\"", "realm: binding"),
            ("origin = \"https://serpapi.com\"", "origin = \"http://serpapi.com\"", "only https"),
            ("keys = \"https:", "keys = \"javascript:", "links: "),
            ("value = \"{api_key}\"", "value = \"{key}\"", "form api_key: auth: no such field key"),
            ("auth = { query = {", "auth = { body = {", "a body needs the method POST"),
            (
                "name = \"api_key\"\n  label",
                "name = \"form\"\n  label",
                "form api_key: auth: no such field api_key",
            ),
            ("\"/error\" = { contains", "\"error\" = { contains", "a pointer starts with /"),
            ("secret = true", "secret = false", "form api_key: no required field is secret"),
            (
                "[[answers]]\ncall = \"account\"",
                "[[answers]]\ncall = \"nothing\"",
                "answer 1: the probe has no call nothing",
            ),
            ("json = '{\"account_id\"", "json = '{account_id\"", "answer 1: json is not JSON"),
            (
                "outcome = \"valid\"",
                "outcome = \"invalid\"",
                "answer 1: the first answer of a call is the good one",
            ),
            ("source = \"serpapi.com/account-api\"", "source = \"\"", "answer 1: the source is empty"),
        ],
    );
    let billed = ("noun =", "check_every = \"day\"\nnoun =", "check_every: what costs money");
    refuses("exa", &[billed]);
    let serpapi = ("serpapi.toml", text_of("serpapi"));
    let twice = parse(&[serpapi, serpapi]).expect_err("twice").to_string();
    assert!(twice.contains("serpapi is there already"), "{twice}");
    let broken = parse(&[("x.toml", "id = \"x\"\nname = ")]).expect_err("broken").to_string();
    assert!(broken.starts_with("catalogue file x.toml, line 2: "), "{broken}");
}

#[test]
fn an_error_in_the_rest_of_the_format_is_found_too() {
    refuses(
        "azure_openai",
        &[
            (
                "[endpoint]\nfield = \"endpoint\"",
                "[endpoint]\nfield = \"api_key\"",
                "the endpoint needs a plain",
            ),
            ("\"*.openai.azure.com\"", "\"*azure.com\"", "endpoint: a host is written like"),
            ("\"*.openai.azure.com\"", "\"com\"", "endpoint: a host is written like"),
            (
                "[endpoint]",
                "[[realms]]\nbinding = \"https://a.example:443\"\norigin = \"https://a.example\"\n[endpoint]",
                "cannot be together",
            ),
        ],
    );
    refuses(
        "sendgrid",
        &[
            ("  name = \"region\"", "  name = \"area\"", "the regions offered are not those of the realms"),
            (
                "  optional = true",
                "  optional = true\n  when = { field = \"api_key\", is = [\"a\"] }",
                "the region decides where a key goes",
            ),
            (
                "[[realms]]\nregion = \"eu\"",
                "[[realms]]\nregion = \"global\"",
                "a region or a binding is there twice",
            ),
        ],
    );
    refuses(
        "github",
        &[
            ("x-github-api-version", "\"x github\"", "is not the name of a header"),
            (
                "\"x-oauth-scopes\"",
                "\"x oauth\"",
                "probe user: fact Scopes: x oauth is not the name of a header",
            ),
            (
                "header = \"x-oauth-scopes\"",
                "header = \"x-oauth-scopes\", pointer = \"/scopes\"",
                "probe user: fact Scopes: a text is either at a pointer or in a header",
            ),
            ("header = \"x-oauth-scopes\", list = true", "mask = \"sid\"", "fact Scopes: a text is either"),
            ("header = \"x-oauth-scopes\"", "pointer = \"/scopes\"", "fact Scopes: `list` is for a header"),
            ("header = \"x-oauth-scopes\"", "heeder = \"x-oauth-scopes\"", "unknown field `heeder`"),
            (
                "list = true",
                "differs_from = \"/x\"",
                "fact Scopes: `within`, `whose` and `differs_from` are for a pointer",
            ),
            ("pointer = \"/login\", mask", "header = \"a b\", mask", "probe user: account: a b is not"),
            ("\"x-ratelimit-used\"", "\"x used\"", "probe user: quota: x used is not the name of a header"),
            (
                "{ header = \"x-ratelimit-used\" }",
                "{ heeder = \"x\" }",
                "a pointer such as \"/a/b\", or { header =",
            ),
            ("{ header = \"x-ratelimit-used\" }", "\"used\"", "a pointer such as \"/a/b\", or { header ="),
            ("resets_at = {", "resets_in = 0, resets_at = {", "a pointer such as \"/a/b\", or { header ="),
            (
                "resets_at = {",
                "resets_in = \"/x\", resets_at = {",
                "quota: it is either `resets_at` or `resets_in`",
            ),
        ],
    );
    refuses("brave_search", &[("item = 2", "item = 0", "perhaps with an item from 1")]);
}

#[test]
fn a_field_may_depend_on_a_choice_further_up() {
    let (from, to) = (
        "  [[forms.fields]]\n  name = \"api_key\"",
        "  [[forms.fields]]\n  name = \"kind\"\n  label = \"Kind\"\n  choices = [{ value = \"a\", label = \"A\" }, { value = \"b\", label = \"B\" }]\n\n  [[forms.fields]]\n  name = \"more\"\n  label = \"More\"\n  when = { field = \"kind\", is = [\"b\"] }\n\n  [[forms.fields]]\n  name = \"api_key\"",
    );
    let good = text_of("groq").replacen(from, to, 1);
    assert!(parse(&[("groq.toml", &good)]).is_ok());
    for (from, to) in [
        ("field = \"kind\"", "field = \"api_key\""),
        ("field = \"kind\"", "field = \"more\""),
        ("field = \"kind\"", "field = \"nothing\""),
        ("is = [\"b\"]", "is = [\"c\"]"),
        ("is = [\"b\"]", "is = []"),
    ] {
        let error = parse(&[("groq.toml", &good.replacen(from, to, 1))]).expect_err(to).to_string();
        assert!(error.contains("field more: `when` names choices of a field further up"), "{error}");
    }
    let needed = good.replacen("{api_key}", "{more}", 1);
    let error = parse(&[("groq.toml", &needed)]).expect_err("optional").to_string();
    assert!(error.contains("auth: field more is optional"), "{error}");
}

#[test]
fn an_informing_call_may_not_refuse() {
    let text = text_of("twilio").replace(
        "rules = [{ status = 200, json = { \"/balance\" = { exists = true } }, then = \"accepted\" }]",
        "rules = [{ status = 401, json = { \"/code\" = { exists = true } }, then = \"invalid\" }]",
    );
    let error = parse(&[("twilio.toml", &text)]).expect_err("refused").to_string();
    assert!(error.contains("probe balance: rule 1: a call that does not decide cannot refuse"), "{error}");
}

#[test]
fn the_operator_s_files_are_read_after_keyward_s_own() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let read = || Catalogue::read(Some(folder.path())).map_err(|error| error.to_string());
    assert_eq!(read().unwrap().0.len(), FILES.len());
    let acme =
        text_of("groq").replace("id = \"groq\"", "id = \"acme\"").replace("api.groq.com", "api.acme.example");
    write("acme.toml", &acme);
    write("notes.txt", "not a provider");
    let catalogue = read().unwrap();
    let info = &catalogue.0.last().unwrap().info;
    assert_eq!((info.id.as_str(), info.by_operator, catalogue.0.len()), ("acme", true, FILES.len() + 1));

    let line = |part: &str| acme[..acme.find(part).unwrap()].matches('\n').count() + 1;
    for (from, to, expected) in [
        (
            "id = \"acme\"",
            "id = \"openai\"",
            format!("line {}: openai is not what the file is named after", line("id = ")),
        ),
        (
            "api.acme.example:443",
            "api.openai.com:443",
            format!("line {}: realm: keys of a provider", line("[[realms]]")),
        ),
        (
            "origin = \"https://api.acme.example\"",
            "origin = \"https://api.openai.com\"",
            format!("line {}: realm: keys of a provider", line("[[realms]]")),
        ),
        (
            "origin = \"https://api.acme.example\"",
            "origin = \"http://127.0.0.1\"",
            format!("line {}: realm: only https", line("origin = ")),
        ),
        ("noun = ", "nuon = ", format!("line {}: unknown field", line("noun = "))),
    ] {
        write("acme.toml", &acme.replacen(from, to, 1));
        let error = read().expect_err(to);
        assert!(error.contains(&expected) && error.contains("acme.toml"), "{error}");
    }
    fs::remove_file(folder.path().join("acme.toml")).unwrap();
    write("openai.toml", &text_of("openai").replace("api.openai.com", "api.acme.example"));
    assert!(read().expect_err("taken").contains("openai is there already"));
    fs::set_permissions(folder.path().join("openai.toml"), fs::Permissions::from_mode(0o666)).unwrap();
    assert!(read().expect_err("open").contains("everybody on this machine may write to it"));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(read().expect_err("open").contains("everybody on this machine may write to it"));
    assert!(matches!(Catalogue::read(Some(Path::new("/nowhere"))), Err(CatalogueError::Unusable { .. })));
}

#[test]
fn the_json_schema_fits_every_file_and_refuses_others() {
    let schema: Value = serde_json::from_str(&crate::providers::json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let read = |text: &str| serde_json::to_value(toml::from_str::<toml::Value>(text).unwrap()).unwrap();
    for (name, text) in FILES {
        let problems: Vec<_> = validator.iter_errors(&read(text)).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{name}: {problems:?}");
    }
    let serpapi = text_of("serpapi");
    for (from, to) in [
        ("noun =", "nuon ="),
        ("category = \"search\"", "category = \"searching\""),
        ("then = \"invalid\" }", "then = \"bad\" }"),
        ("decides = true", "decides = \"yes\""),
        ("auth = { query = {", "auth = { querry = {"),
    ] {
        assert!(!validator.is_valid(&read(&serpapi.replacen(from, to, 1))), "{to}");
    }
    let brave = text_of("brave_search");
    for (from, to) in [
        ("item = 2", "item = 0"),
        ("item = 2", "part = 2"),
        ("left = { header = \"x-ratelimit-remaining\", item = 2 }", "left = 1"),
    ] {
        assert!(!validator.is_valid(&read(&brave.replacen(from, to, 1))), "{to}");
    }
}

proptest! {
    /// The hint on the wrong card names a provider whose shape fits, and never where the card's own fits as well.
    #[test]
    fn a_lookalike_fits_better_than_the_card(
        value in "(sk-proj-|sk-ant-api03-|sk-admin-|sk-|sk_|AIza|AC|SK|gsk_|sk-or-v1-|)([0-9a-f]{20,64}|[A-Za-z0-9_-]{0,100})",
        card in any::<prop::sample::Index>(),
    ) {
        let infos: Vec<_> = Catalogue::shared().iter().map(|provider| &provider.info).collect();
        let own = *card.get(&infos);
        // How much of the value a provider's shapes recognise.
        let fit = |info: &ProviderInfo| {
            let secrets = info.forms.iter().flat_map(|form| &form.fields).filter(|field| field.secret);
            let shapes = secrets.flat_map(|field| &field.shapes).filter(|shape| shape.matches(&value));
            shapes.map(|shape| shape.prefix.len()).filter(|length| *length >= 3).max()
        };
        let best = infos.iter().filter_map(|info| fit(info)).max();
        match lookalike(infos.iter().copied(), &own.id, &value) {
            Some(other) => {
                prop_assert!(other.id != own.id && fit(other).is_some() && fit(other) == best);
            }
            None => prop_assert!(best.is_none() || fit(own) == best),
        }
    }

    /// Whatever happens to a line: the file is read, or refused with a line that is there.
    #[test]
    fn a_changed_file_is_read_or_refused_with_one_of_its_lines(
        (name, text) in prop::sample::select(FILES.to_vec()),
        place in 0..400_usize,
        change in prop_oneof![
            Just(String::new()),
            "[ -~]{0,40}",
            prop::sample::select(vec!["[", "}", "[[probe]]", "[[answers]]", "id = 1", "status = 99", "decides = true", "rules = []"])
                .prop_map(str::to_owned),
        ],
    ) {
        let mut lines: Vec<&str> = text.lines().collect();
        let place = place % lines.len();
        lines[place] = &change;
        let changed = lines.join("\n");
        if let Err(error) = parse(&[(name, &changed)]) {
            let CatalogueError::File { file, line, problem } = error else { panic!("{error}") };
            prop_assert!((1..=lines.len()).contains(&line), "{line}");
            prop_assert!(file == name && !problem.is_empty());
        }
    }
}
