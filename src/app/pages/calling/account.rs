use leptos::prelude::*;

use super::form::CallForm;
use crate::{
    app::{
        asked::Asked,
        guard::Guard,
        problem::Problem,
        ui::{Notice as NoticeBox, Tone},
    },
    model::calling::{AccountView, CallRequest, CallView, CallVoice, NumberView},
};

/// What there is to call with, as Twilio tells of it now, and the form that calls.
#[component]
pub(super) fn Account(
    /// The account.
    asked: Asked<Option<AccountView>>,
    /// The user's voices that can speak.
    voices: Asked<Vec<CallVoice>>,
    /// The call that is to be placed once more.
    again: Asked<Option<CallView>>,
) -> impl IntoView {
    asked.again_when_open();
    let guard = use_context::<Guard>();
    view! {
        <Transition fallback=|| {
            view! { <div class="page-waiting" aria-busy="true"></div> }
        }>
            {move || Suspend::new(async move {
                let (account, voices, again) = (asked.await, voices.await, again.await);
                // Without them there is Twilio's own.
                let voices = voices.unwrap_or_default();
                // One that was deleted meanwhile is no reason not to call somebody.
                let request = again.ok().flatten().map(|call| call.request);
                match account {
                    Ok(Some(account)) => view! { <Whole account=account voices=voices request=request /> }.into_any(),
                    Ok(None) => {
                        if let Some(guard) = guard {
                            guard.ask_again();
                        }
                        ().into_any()
                    }
                    Err(error) => {
                        // Whoever knows a number of theirs can call all the same.
                        view! {
                            <Problem error=error />
                            <div class="panel">
                                <CallForm callers=Vec::new() voices=voices request=request />
                            </div>
                        }
                        .into_any()
                    }
                }
            })}
        </Transition>
    }
}

#[component]
fn Whole(account: AccountView, voices: Vec<CallVoice>, request: Option<CallRequest>) -> impl IntoView {
    let callers: Vec<_> = account.callers().cloned().collect();
    let trial = (account.trial == Some(true)).then(|| {
        view! {
            <NoticeBox tone=Tone::Caution>
                <p>
                    "This is a trial account. It calls only numbers that you have verified at Twilio, plays a sentence of Twilio's own before your message, and asks whoever answers to press a key. Upgrading it at Twilio ends all of that."
                </p>
            </NoticeBox>
        }
        .into_any()
    });
    let empty = is_empty(&account).then(|| {
        view! {
            <NoticeBox tone=Tone::Caution>
                <p>"Nothing is left on this account, so Twilio may refuse calls. Add money at Twilio."</p>
            </NoticeBox>
        }
        .into_any()
    });
    view! {
        {trial}
        {empty}
        <div class="panel">
            <CallForm callers=callers voices=voices request=request />
        </div>
        <Numbers account=account />
    }
    .into_any()
}

fn is_empty(account: &AccountView) -> bool {
    let balance = account.balance.as_deref().unwrap_or("1");
    balance.starts_with('-') || !balance.bytes().any(|b| (b'1'..=b'9').contains(&b))
}

#[component]
fn Numbers(account: AccountView) -> impl IntoView {
    let balance = match (&account.balance, &account.currency) {
        (Some(balance), Some(currency)) => format!("{balance} {currency}"),
        _ => "not told by Twilio".to_owned(),
    };
    let follows = if account.reports {
        "Twilio reports, signed with your auth token."
    } else {
        "Keyward asks Twilio every few seconds. With the auth token stored, and Keyward at a public address, Twilio reports by itself."
    };
    let none = account.numbers.is_empty();
    view! {
        <section class="section" aria-labelledby="numbers">
            <h2 id="numbers">"Your account at Twilio"</h2>
            <dl class="call-facts">
                <div>
                    <dt>"Balance"</dt>
                    <dd>{balance}</dd>
                </div>
                <div>
                    <dt>"How calls are followed"</dt>
                    <dd>{follows}</dd>
                </div>
            </dl>
            {none.then(|| view! { <p class="muted">"Twilio lists no numbers for this account."</p> }.into_any())}
            <ul class="call-numbers">{account.numbers.into_iter().map(number).collect_view()}</ul>
            {account
                .more_numbers
                .then(|| view! { <p class="muted">"The account has more numbers than are listed here."</p> }.into_any())}
        </section>
    }
    .into_any()
}

fn number(number: NumberView) -> AnyView {
    let NumberView { number, name, voice, sms, mms, verified_only } = number;
    let abilities: Vec<_> = [(voice, "calls"), (sms, "text messages"), (mms, "pictures")]
        .into_iter()
        .filter_map(|(can, what)| can.then_some(what))
        .collect();
    let can = match (verified_only, abilities.is_empty()) {
        (true, _) => "a verified number of yours, for calls".to_owned(),
        (false, true) => "no abilities".to_owned(),
        (false, false) => abilities.join(", "),
    };
    view! {
        <li>
            <strong class="figures">{number}</strong>
            {name.map(|name| format!(" {name}"))}
            <span class="muted">{format!(" {can}")}</span>
        </li>
    }
    .into_any()
}
