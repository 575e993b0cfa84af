use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    api::{installation::DemoKeys, wire::ask},
    app::{asked::Asked, problem::Problem},
    model::{page::DemoKey, provider::provider_name},
};

/// The test keys of a demonstration: worthless outside its simulator, so they may be shown.
#[component]
pub fn DemoPage() -> impl IntoView {
    let keys = Asked::<Vec<DemoKey>>::once(|| ask(DemoKeys {}));
    view! {
        <Title text="Test keys" />
        <Transition fallback=|| {
            view! { <div class="page-waiting" aria-busy="true"></div> }
        }>
            {move || Suspend::new(async move {
                match keys.await {
                    Ok(keys) => view! { <Keys keys=keys /> }.into_any(),
                    Err(error) => {
                        view! {
                            <div class="page">
                                <h1>"Test keys"</h1>
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

#[component]
fn Keys(keys: Vec<DemoKey>) -> impl IntoView {
    let groups: Vec<_> = keys
        .chunk_by(|a, b| a.provider == b.provider)
        .map(|group| {
            let id = format!("keys-of-{}", group[0].provider);
            view! {
                <section aria-labelledby=id>
                    <h2 id=id.clone()>{provider_name(&group[0].provider)}</h2>
                    <ul class="panel panel-flush demo-keys">{group.iter().map(entry).collect_view()}</ul>
                </section>
            }
            .into_any()
        })
        .collect();
    view! {
        <div class="page page-narrow">
            <h1>"Test keys"</h1>
            <p class="page-lead">
                "This demonstration talks to a simulator instead of the providers. It accepts these keys and no others; each shows something else. Real keys do not belong here."
            </p>
            {groups}
        </div>
    }
}

fn entry(key: &DemoKey) -> AnyView {
    let fields = key.fields.iter().map(|(name, value)| {
        view! {
            <div>
                <dt>{name.clone()}</dt>
                <dd>
                    <code>{value.clone()}</code>
                </dd>
            </div>
        }
        .into_any()
    });
    view! {
        <li>
            <h3>{key.label.clone()}</h3>
            <p class="muted">{key.shows.clone()}</p>
            <dl>{fields.collect_view()}</dl>
        </li>
    }
    .into_any()
}
