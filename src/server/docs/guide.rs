//! The part of the page that no operation tells.

use leptos::prelude::*;

/// Its sections: anchor and title.
pub(super) const CONTENTS: [(&str, &str); 5] = [
    ("start", "First steps"),
    ("authentication", "Authentication"),
    ("errors", "Errors"),
    ("paging", "Lists and paging"),
    ("limits", "Limits"),
];

/// How to begin with the examples of this page.
const START: &str = r#"export KEYWARD=http://127.0.0.1:3000
export TOKEN=$(curl -s "$KEYWARD/api/auth/login" \
  -H "Content-Type: application/json" \
  -d '{"email":"ana@example.org","password":"correct horse battery","token":true}' |
  sed 's/.*"token":"\([^"]*\)".*/\1/')
curl "$KEYWARD/api/auth/me" -H "Authorization: Bearer $TOKEN""#;

fn section(place: usize, text: impl IntoView + 'static) -> AnyView {
    let (id, title) = CONTENTS[place];
    view! {
        <section class="section" aria-labelledby=id>
            <h2 id=id>{title}</h2>
            {text}
        </section>
    }
    .into_any()
}

/// The sections.
pub(super) fn view() -> impl IntoView {
    [
        section(
            0,
            view! {
                <p>
                    "Set the address of the installation and a token once, with your own address and password. Every example "
                    "on this page then works as it stands, on a demonstration (" <code>"make demo"</code>
                    ") with its test keys; ids are placeholders."
                </p>
                <pre class="api-code">
                    <code>{START}</code>
                </pre>
            },
        ),
        section(
            1,
            view! {
                <p>"A request proves who asks in one of these ways. More than one at a time is refused."</p>
                <dl class="api-fields">
                    <div>
                        <dt>"Log-in token"</dt>
                        <dd>
                            <code>"Authorization: Bearer …"</code>
                            " with the token that a log-in with "
                            <code>"\"token\": true"</code>
                            " answers. It works for ten minutes and no longer than its session."
                        </dd>
                    </div>
                    <div>
                        <dt>"Personal API token"</dt>
                        <dd>
                            <code>"Authorization: Bearer kwd_…"</code> ". It has scopes: " <code>"read"</code>
                            " for everything that only reads, " <code>"keys:write"</code>
                            " to store, check, replace and delete keys, " <code>"services:use"</code>
                            " to start, stop and delete what services do. Accounts, passwords and sessions are out of its reach."
                        </dd>
                    </div>
                    <div>
                        <dt>"Session cookie"</dt>
                        <dd>
                            "What browsers send. A request that changes something must then come from Keyward's own pages: "
                            "its header " <code>"Sec-Fetch-Site"</code> " or " <code>"Origin"</code>
                            " says so. Programs are better off with a token."
                        </dd>
                    </div>
                </dl>
            },
        ),
        section(
            2,
            view! {
                <p>
                    "Errors are problem details (RFC 9457) with the content type " <code>"application/problem+json"</code>
                    ". " <code>"code"</code> " is for programs, " <code>"detail"</code> " is for people, "
                    <code>"errors"</code> " names wrong fields. No error repeats what was sent. "
                    <a href="#problems">"All codes"</a> "."
                </p>
            },
        ),
        section(
            3,
            view! {
                <p>
                    "Lists are " <code>"{\"items\": […], \"next\": …}"</code> ". While " <code>"next"</code>
                    " is not " <code>"null"</code> ", ask again with " <code>"?cursor="</code>
                    " and its value; the other parameters stay as they are. A cursor is a place in the list, so that nothing is "
                    "shown twice when something is added meanwhile. Times are RFC 3339 in UTC."
                </p>
            },
        ),
        section(
            4,
            view! {
                <p>
                    "A body may have 64 KiB and take 30 seconds to arrive. Unless the operator says otherwise: ten log-ins a minute "
                    "for each account and address; twenty registrations an hour for each address; twenty new, replaced or "
                    "candidate keys an hour for each user, sixty for each address; two searches of a user at the same time. Beyond that the answer is "
                    <a href="#problem-rate-limited">
                        <code>"rate-limited"</code>
                    </a> " with the seconds to wait in " <code>"Retry-After"</code> "."
                </p>
            },
        ),
    ]
}
