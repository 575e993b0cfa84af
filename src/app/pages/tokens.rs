use leptos::{ev::FocusEvent, html, prelude::*, web_sys::HtmlInputElement};

use super::login::{failure, field_error};
use crate::{
    api::{
        auth::account,
        tokens::{IssueToken, RevokeToken},
    },
    app::{
        post::{Post, PostForm},
        ui::{
            Announcer, BusyButton, ButtonKind, ErrorNotice, FieldErrorText, Moment, Notice, Phrase,
            TextField, Tone, copy, focus_soon,
        },
    },
    model::token::{DEFAULT_DAYS, IssuedToken, Scope, TokenView},
};

/// Lifetimes that the form offers, in days.
const LIFETIMES: [u32; 4] = [7, 30, DEFAULT_DAYS, 365];

/// The user's API tokens, how to make one and how to revoke one.
#[component]
pub(super) fn Tokens(
    /// The tokens.
    tokens: RwSignal<Vec<TokenView>>,
) -> impl IntoView {
    let issue = Post::to::<IssueToken>();
    let revoke = Post::to::<RevokeToken>();
    let issued = RwSignal::new(None::<IssuedToken>);
    let form = NodeRef::<html::Form>::new();
    let announcer = use_context::<Announcer>();
    Effect::new(move |_| {
        if let Some(Ok(token)) = &*issue.value().read() {
            tokens.update(|tokens| tokens.insert(0, token.view.clone()));
            issued.set(Some(token.clone()));
            if let Some(form) = form.get_untracked() {
                form.reset();
            }
            focus_soon("token-text");
        }
    });
    let error = failure(issue);
    let revoke_error = failure(revoke);
    Effect::new(move |_| {
        if matches!(&*revoke.value().read(), Some(Ok(()))) {
            if let Some(announcer) = announcer {
                announcer.say("The token is revoked.");
            }
            issued.set(None);
            focus_soon("tokens-title");
            leptos::task::spawn_local(async move {
                if let Ok(page) = account().await {
                    tokens.set(page.tokens);
                }
            });
        }
    });
    view! {
        <section class="section" aria-labelledby="tokens-title">
            <h2 id="tokens-title" tabindex="-1">
                "API tokens"
            </h2>
            <p class="muted">
                "For programs that use Keyward's own interface in your name, each with no more rights than it needs. "
                <a href="/docs/api" rel="external">"What they can call"</a> "."
            </p>
            <ErrorNotice error=revoke_error />
            <ul class="cards">
                <For
                    each=move || tokens.get()
                    key=|token| token.id
                    children=move |token| view! { <Token token=token revoke=revoke /> }
                />
            </ul>
            {move || issued.get().map(|issued| view! { <Fresh issued=issued /> })}
            <details class="panel panel-flush fold">
                <summary>
                    <strong>"New token"</strong>
                </summary>
                <noscript>
                    <p class="fold-body">
                        "A new token is shown once, which takes JavaScript. Without it, make one with POST /api/tokens."
                    </p>
                </noscript>
                <div class="fold-body">
                    <PostForm action=issue node_ref=form>
                        <TextField
                            name="name"
                            label="Name"
                            autocomplete="off"
                            help="What it is for, such as nightly report."
                            error=field_error(error, "name", "Name")
                        />
                        <ScopeChoice error=field_error(error, "scopes", "A right") />
                        <div class="field">
                            <label for="days">"Ends after"</label>
                            <select id="days" name="days">
                                {LIFETIMES
                                    .into_iter()
                                    .map(|days| {
                                        view! {
                                            <option value=days.to_string() selected=days == DEFAULT_DAYS>
                                                {if days == 365 { "a year".to_owned() } else { format!("{days} days") }}
                                            </option>
                                        }
                                    })
                                    .collect_view()}
                            </select>
                        </div>
                        <ErrorNotice error=error fields=["name", "scopes"].map(str::to_owned) id="form-message" />
                        <div class="actions">
                            <BusyButton busy=issue.pending() label="Make token" busy_label="Making…" />
                        </div>
                    </PostForm>
                </div>
            </details>
        </section>
    }
    .into_any()
}

#[component]
fn ScopeChoice(#[prop(into)] error: Signal<Option<String>>) -> impl IntoView {
    view! {
        <fieldset class="checks" aria-describedby="scopes-error">
            <legend>"It may"</legend>
            {Scope::ALL
                .into_iter()
                .map(|scope| {
                    view! {
                        <label class="check">
                            <input
                                type="checkbox"
                                name=format!("scopes[{scope}]")
                                checked=scope == Scope::Read
                                aria-invalid=move || error.read().is_some().then_some("true")
                            />
                            <span>{scope.allows()} " " <code class="muted">{scope.code()}</code></span>
                        </label>
                    }
                })
                .collect_view()}
            <FieldErrorText id="scopes-error".to_owned() error=error />
        </fieldset>
    }
}

/// A token's text, which is shown this once.
#[component]
fn Fresh(issued: IssuedToken) -> impl IntoView {
    let copied = RwSignal::new(false);
    let text = StoredValue::new(issued.token);
    let to_clipboard = move |_| {
        leptos::task::spawn_local(async move { copied.set(copy(&text.get_value()).await) });
    };
    let select = |event: FocusEvent| event_target::<HtmlInputElement>(&event).select();
    view! {
        <div class="panel">
            <Notice tone=Tone::Good>
                <p>
                    <strong>{issued.view.name}</strong>
                    " is made. Copy it now: it is not shown again."
                </p>
            </Notice>
            <div class="copy">
                <input
                    id="token-text"
                    class="input-code"
                    type="text"
                    readonly
                    aria-label="The new token"
                    value=text.get_value()
                    on:focus=select
                />
                <button type="button" class=ButtonKind::Primary.class() on:click=to_clipboard>
                    {move || if copied.get() { "Copied" } else { "Copy" }}
                </button>
            </div>
        </div>
    }
}

#[component]
fn Token(token: TokenView, revoke: Post<()>) -> impl IntoView {
    let id = token.id;
    let busy = Signal::derive(move || revoke.sends("id", &id.to_string()));
    let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.code()).collect();
    let used = match token.last_used_at {
        Some(at) => view! { ", last used " <Moment at=at phrase=Phrase::Ago /> }.into_any(),
        None => view! { ", never used" }.into_any(),
    };
    view! {
        <li class="card card-plain">
            <div class="card-body">
                <div class="card-head">
                    <div class="card-title">
                        <h3>{token.name.clone()}</h3>
                        <p class="muted">
                            <code>{scopes.join(", ")}</code>
                        </p>
                        <p class="muted">
                            "Made " <Moment at=token.created_at /> ", ends " <Moment at=token.expires_at /> {used}
                        </p>
                    </div>
                    <PostForm action=revoke>
                        <input type="hidden" name="id" value=id.to_string() />
                        <BusyButton busy=busy label="Revoke" busy_label="Revoking…" />
                    </PostForm>
                </div>
            </div>
        </li>
    }
    .into_any()
}
