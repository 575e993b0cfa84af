//! What is no JSON travels by REST: sound comes, samples go. For the browser only; on the server nothing is sent.

use leptos::web_sys;

use crate::model::{error::AppError, voices::ClonedVoice};

/// Sound that comes or has come.
pub(super) struct Heard {
    /// An address of this very page. It is given back with [`forget`].
    pub(super) url: String,
    /// What it cost, in characters of the plan.
    pub(super) cost: Option<i64>,
}

/// Sound that has come to its end.
pub(super) struct Whole {
    /// The sound. What plays it while it came, and can go on, has an address of its own.
    pub(super) heard: Heard,
    /// It could be played while it came, to the end.
    pub(super) played: bool,
    /// All of it has come.
    pub(super) complete: bool,
}

/// Who listens to sound while it comes.
pub(super) struct Listener {
    /// Called with what can be played already, where the browser can play it before all has come.
    pub(super) begun: Box<dyn FnOnce(Heard)>,
    /// Whether it is to go on. Where not, the sound ends at ElevenLabs too.
    pub(super) goes_on: Box<dyn Fn() -> bool>,
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use std::collections::BTreeMap;

    use serde::{Deserialize, de::DeserializeOwned};
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{Blob, Headers, RequestInit, Response, Url, window};

    use super::{super::feed::Feed, AppError, Heard, Listener, Whole};
    use crate::{
        api::wire,
        model::{
            error::{ErrorCode, FieldError},
            ids::ProviderId,
            status::{KeyStatus, Reason},
        },
    };

    /// A problem document, as far as pages need it.
    #[derive(Deserialize)]
    struct Refusal {
        code: ErrorCode,
        #[serde(default)]
        errors: BTreeMap<String, Wrong>,
        provider: Option<ProviderId>,
        key_status: Option<KeyStatus>,
        reason: Option<Reason>,
        retry_after: Option<u64>,
        reference: Option<String>,
    }

    #[derive(Deserialize)]
    struct Wrong {
        code: FieldError,
    }

    impl From<Refusal> for AppError {
        fn from(refusal: Refusal) -> Self {
            Self {
                errors: refusal.errors.into_iter().map(|(name, wrong)| (name, wrong.code)).collect(),
                provider: refusal.provider,
                key_status: refusal.key_status,
                reason: refusal.reason,
                retry_after: refusal.retry_after,
                reference: refusal.reference,
                ..Self::new(refusal.code)
            }
        }
    }

    /// Posts a body; a refusal becomes the error it tells of.
    async fn post(path: &str, body: &JsValue, json: bool) -> Result<Response, AppError> {
        let lost = |_: JsValue| wire::unreadable();
        let init = RequestInit::new();
        init.set_method("POST");
        init.set_body(body);
        if json {
            let headers = Headers::new().map_err(lost)?;
            headers.set("content-type", "application/json").map_err(lost)?;
            init.set_headers(&headers);
        }
        let window = window().ok_or_else(wire::unreadable)?;
        let answer = JsFuture::from(window.fetch_with_str_and_init(path, &init)).await.map_err(lost)?;
        let answer: Response = answer.dyn_into().map_err(lost)?;
        if answer.ok() {
            return Ok(answer);
        }
        Err(read::<Refusal>(&answer).await?.into())
    }

    async fn read<T: DeserializeOwned>(answer: &Response) -> Result<T, AppError> {
        let lost = |_: JsValue| wire::unreadable();
        let text = JsFuture::from(answer.text().map_err(lost)?).await.map_err(lost)?;
        wire::read(&text.as_string().unwrap_or_default())
    }

    pub async fn sound(path: &str, json: String, kind: &str, listener: Listener) -> Result<Whole, AppError> {
        let lost = |_: JsValue| wire::unreadable();
        let answer = post(path, &JsValue::from_str(&json), true).await?;
        let cost = answer.headers().get("character-cost").ok().flatten();
        let cost = cost.and_then(|cost| cost.parse().ok());
        let (blob, played, complete) = match answer.body().zip(Feed::new(kind)) {
            Some((stream, feed)) => {
                (listener.begun)(Heard { url: feed.url().to_owned(), cost });
                let all = feed.follow(&stream, &*listener.goes_on).await.map_err(lost)?;
                (all.sound, all.played, all.complete)
            }
            None => {
                let blob = JsFuture::from(answer.blob().map_err(lost)?).await.map_err(lost)?;
                (blob.dyn_into::<Blob>().map_err(lost)?, false, true)
            }
        };
        let url = Url::create_object_url_with_blob(&blob).map_err(lost)?;
        Ok(Whole { heard: Heard { url, cost }, played, complete })
    }

    pub async fn form<T: DeserializeOwned>(path: &str, form: &web_sys::FormData) -> Result<T, AppError> {
        read(&post(path, form, false).await?).await
    }

    pub fn forget(url: &str) {
        // One that is not there any more is no harm.
        let _ = Url::revoke_object_url(url);
    }
}

/// Posts JSON, and waits for all of the sound, which is of this media type. It is played while it comes where that is
/// possible.
pub(super) async fn sound(
    path: &str,
    json: String,
    kind: &'static str,
    listener: Listener,
) -> Result<Whole, AppError> {
    #[cfg(target_arch = "wasm32")]
    return browser::sound(path, json, kind, listener).await;
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (path, json, kind, listener.begun, listener.goes_on);
        Err(crate::api::wire::unreadable())
    }
}

/// Posts a form with its files.
pub(super) async fn form(path: &str, element: &web_sys::HtmlFormElement) -> Result<ClonedVoice, AppError> {
    #[cfg(target_arch = "wasm32")]
    {
        let form = web_sys::FormData::new_with_form(element).map_err(|_| crate::api::wire::unreadable())?;
        browser::form(path, &form).await
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (path, element);
        Err(crate::api::wire::unreadable())
    }
}

/// Gives an address back that sound was at.
pub(super) fn forget(url: &str) {
    #[cfg(target_arch = "wasm32")]
    browser::forget(url);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = url;
}
