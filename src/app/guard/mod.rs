//! The guard: shows a service when its keys work, and otherwise what is wrong and the forms that fix it.

mod blocked;
mod door;

use leptos::prelude::*;

use self::{
    blocked::BlockedService,
    door::{Door, REGION},
};
use super::{
    asked::Asked,
    links::Moved,
    live::{SLOW, Since},
    problem::Problem,
    ui::{External, Icon, Mark, part},
};
use crate::{
    api::{
        services::{AskGate, gate},
        wire::ask,
    },
    model::{
        ability::Ability,
        access::{AccessDecision, Block, Verdict},
        event::Topic,
        page::{Gate, Limit},
        service::ServiceId,
    },
};

/// What a closed service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMissing {
    /// Says per provider what is wrong, with the missing keys' forms in place.
    #[default]
    Explain,
    /// Leads to the page that sets up the keys, if keys are merely missing; explains everything else.
    Redirect,
}

/// Lets the content of a service ask again whether it is open, after a call that was refused because a key
/// stopped working meanwhile. The content then makes room for the explanation.
#[derive(Clone, Copy)]
pub struct Guard {
    again: Action<(), ()>,
    open: Memo<bool>,
}

impl Guard {
    /// Asks again.
    pub fn ask_again(self) {
        self.again.dispatch(());
    }

    /// Whether the service is open, and its content in sight.
    pub fn is_open(self) -> bool {
        self.open.get()
    }
}

/// Shows its children when `service` is open. Rendered on the server it already shows the right side.
///
/// The children are not made before the service is open: for whoever has no access nothing of them is rendered
/// or fetched. An open page follows its keys. When one of them dies the page closes at once, and the children
/// are put out of sight and out of reach (`hidden`, `inert`) below the explanation instead of being thrown
/// away: what was typed is there again when the service opens, in the same tab. Passwords and whatever was
/// typed into a key's form are emptied at that moment. What is kept is what its own user had on the screen
/// already, and the server refuses to spend a key in any case. A page that was open explains and never leads
/// away, also with [`OnMissing::Redirect`]: nobody is torn from the middle of a sentence.
///
/// ```ignore
/// <ApiKeyGuard service=ServiceId::DataScraper blocked_extra=|| view! { <HistoryLink /> }>
///     <Scraper />
/// </ApiKeyGuard>
/// ```
#[component]
pub fn ApiKeyGuard(
    /// The service.
    service: ServiceId,
    /// What to do when it is closed.
    #[prop(optional)]
    on_missing: OnMissing,
    /// Shown instead of the explanation when the service is closed.
    #[prop(optional, into)]
    fallback: Option<ViewFnOf<AccessDecision>>,
    /// Shown below the explanation: links to what stays available without keys.
    #[prop(optional, into)]
    blocked_extra: ViewFn,
    /// The service.
    children: ChildrenFn,
) -> impl IntoView {
    let since = Since::now(Topic::Keys);
    let asked = Asked::<Gate>::once(move || ask(AskGate { service }));
    let children = StoredValue::new(children);
    let fallback = StoredValue::new(fallback);
    let blocked_extra = StoredValue::new(blocked_extra);
    let side = move |first: Gate| {
        let door = Door::new(first.decision);
        let settings = RwSignal::new(first.settings);
        let limits = RwSignal::new(first.limits);
        let again = Action::new(move |_: &()| async move {
            // A question that failed leaves the page as it is; the service's own calls are refused anyway.
            if let Ok(answer) = gate(service).await {
                settings.set(answer.settings);
                limits.set(answer.limits);
                door.decide(answer.decision);
            }
        });
        let granted = door.granted();
        provide_context(Guard { again, open: granted });
        let opened = door.opened();
        let explains = fallback.with_value(Option::is_none);
        // While the explanation stands there, its cards ask, and know the decision as well.
        since.follow(
            || SLOW,
            move || {
                if granted.get_untracked() || !explains {
                    again.dispatch(());
                }
            },
        );
        // Whoever opens it from the explanation does not know what the new key cannot do.
        Effect::new(move |before: Option<bool>| {
            if before == Some(false) && granted.get() {
                again.dispatch(());
            }
            granted.get()
        });
        let limited = part(move || {
            let limits = limits.get();
            (granted.get() && !limits.is_empty()).then(|| {
                view! { <div class="guard-limits">{limits.into_iter().map(limit).collect_view()}</div> }
                    .into_any()
            })
        });
        let content = move || {
            opened.get().then(|| {
                view! {
                    <div id=REGION class="guarded" hidden=move || !granted.get() inert=move || !granted.get()>
                        {children.with_value(|children| children())}
                    </div>
                }
            })
        };
        let instead = part(move || {
            if granted.get() {
                return ().into_any();
            }
            if let Some(fallback) = fallback.get_value() {
                return fallback.follow(door.decision());
            }
            let closed = door.decision().get_untracked();
            let kept = opened.get_untracked();
            if on_missing == OnMissing::Redirect && !kept && only_missing(&closed) {
                return view! { <Moved to=service.setup_path() /> }.into_any();
            }
            let Some(page) = settings.get_untracked() else {
                return ().into_any();
            };
            view! {
                <BlockedService page=page door=door kept=kept since=since extra=blocked_extra.get_value() />
            }
            .into_any()
        });
        view! {
            {limited}
            {content}
            {instead}
        }
    };
    view! {
        <Transition fallback=|| {
            view! { <div class="page-waiting" aria-busy="true"></div> }
        }>
            {move || Suspend::new(async move {
                match asked.await {
                    Ok(gate) => side(gate).into_any(),
                    Err(error) => {
                        view! {
                            <div class="page page-narrow">
                                <h1>{service.name()}</h1>
                                <Problem error=error />
                            </div>
                        }
                        .into_any()
                    }
                }
            })}
        </Transition>
    }
}

/// What an open service cannot do.
fn limit(limit: Limit) -> AnyView {
    let sentence = limit.sentence();
    let Ability { reason, advice, link, .. } = limit.ability;
    let link = link.map(|link| view! { <External href=link.url label=link.label /> });
    view! {
        <p class="guard-limit">
            <Icon mark=Mark::Alert />
            <span>{sentence} " " {reason} " " {advice} " " {link}</span>
        </p>
    }
    .into_any()
}

/// Whether everything that keeps the service closed is a key that was never stored.
fn only_missing(decision: &AccessDecision) -> bool {
    decision
        .blocking()
        .all(|verdict| matches!(verdict.verdict, Verdict::Blocked { block: Block::Missing, .. }))
}

/// A view made from a value, any number of times.
#[derive(Clone)]
pub struct ViewFnOf<T: 'static>(std::sync::Arc<dyn Fn(T) -> AnyView + Send + Sync>);

impl<T: Clone + Send + Sync + 'static> ViewFnOf<T> {
    /// The view of what `value` holds; whatever draws it draws it again when that changes.
    fn follow(&self, value: ReadSignal<T>) -> AnyView {
        (self.0)(value.get())
    }
}

impl<T: 'static, F, V> From<F> for ViewFnOf<T>
where
    F: Fn(T) -> V + Send + Sync + 'static,
    V: IntoView + 'static,
{
    fn from(view: F) -> Self {
        Self(std::sync::Arc::new(move |value| view(value).into_any()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_fallback_is_drawn_again_for_another_reason() {
        let owner = Owner::new();
        owner.set();
        let reason = RwSignal::new("missing");
        let drawn = Arc::new(Mutex::new(Vec::new()));
        let fallback = ViewFnOf::from({
            let drawn = drawn.clone();
            move |reason: &'static str| {
                drawn.lock().unwrap().push(reason);
                view! { <p>{reason}</p> }
            }
        });
        let instead = Memo::new(move |_| drop(fallback.follow(reason.read_only())));
        instead.get();
        reason.set("invalid");
        instead.get();
        instead.get();
        assert_eq!(*drawn.lock().unwrap(), ["missing", "invalid"]);
    }
}
