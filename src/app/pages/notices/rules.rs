use leptos::prelude::*;

use crate::{
    api::notices::SetNoticeRules,
    app::{
        pages::work::{latest, say},
        post::{Post, PostForm},
        ui::{BusyButton, ErrorNotice},
    },
    model::notice::{NoticeKind, NoticeRules},
};

const MESSAGE: &str = "rules-message";

/// The rules, each with a box.
pub(super) fn rules(first: NoticeRules) -> AnyView {
    let save = Post::to::<SetNoticeRules>();
    let error = latest([save.outcome()], MESSAGE);
    let say = say();
    Effect::new(move |_| {
        if matches!(&*save.value().read(), Some(Ok(_))) {
            say("Saved.".to_owned());
        }
    });
    let boxes = NoticeKind::ALL
        .into_iter()
        .map(|kind| {
            view! {
                <label class="check">
                    <input type="checkbox" name=format!("on[{}]", kind.code()) checked=first.on.contains(&kind) />
                    <span>{kind.rule()}</span>
                </label>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <section class="section" aria-labelledby="rules-title">
            <h2 id="rules-title">"What is told"</h2>
            <div class="panel">
                <PostForm action=save>
                    <fieldset class="checks">
                        <legend>"Tell me when"</legend>
                        {boxes}
                    </fieldset>
                    <p class="field-help">"And when it is over again."</p>
                    <ErrorNotice error=error id=MESSAGE />
                    <div class="actions">
                        <BusyButton busy=save.pending() label="Save" busy_label="Saving…" />
                    </div>
                </PostForm>
            </div>
        </section>
    }
    .into_any()
}
