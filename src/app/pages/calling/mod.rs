//! Calling Operations: calls through the user's Twilio account.

mod account;
mod call;
mod form;
mod history;

use leptos::prelude::*;
use leptos_meta::Title;

use self::{account::Account, history::History};
use crate::{
    api::{
        calling::{AskCallVoices, AskCallingAccount, ReadCall},
        wire::ask,
    },
    app::{asked::Asked, guard::ApiKeyGuard, pages::work::in_address},
    model::{
        calling::{AccountView, CallView, CallVoice},
        service::ServiceId,
    },
};

pub use self::call::CallPage;

/// What the page is about, and what it costs.
const LEAD: &str = "Calls a number and reads a message to whoever answers, through your Twilio account. Twilio charges each call to your account.";

/// Places calls and lists the earlier ones. Only placing them is behind the guard: the history stays when the key dies.
#[component]
pub fn CallingPage() -> impl IntoView {
    // Here and not behind the guard: what is asked for must come in the same order on the server and in the browser.
    let account = Asked::<Option<AccountView>>::once(|| ask(AskCallingAccount {}));
    let voices = Asked::<Vec<CallVoice>>::once(|| ask(AskCallVoices {}));
    let again = Asked::<Option<CallView>>::once(|| match in_address("again").parse() {
        Ok(id) => ask(ReadCall { id }),
        Err(_) => Box::pin(async { Ok("null".to_owned()) }),
    });
    view! {
        <Title text=ServiceId::Calling.name() />
        <ApiKeyGuard
            service=ServiceId::Calling
            blocked_extra=|| view! { <a href="#calls">"Earlier calls"</a> " stay available." }
        >
            <div class="page">
                <h1>{ServiceId::Calling.name()}</h1>
                <p class="page-lead">{LEAD}</p>
                <Account asked=account voices=voices again=again />
            </div>
        </ApiKeyGuard>
        <History />
    }
}
