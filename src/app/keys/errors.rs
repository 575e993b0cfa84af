use leptos::prelude::*;
use serde::de::DeserializeOwned;

use crate::{
    app::post::Post,
    model::{error::AppError, ids::ProviderId},
};

/// The error of an action as far as it concerns `provider`. After a plain form post the router hands the
/// error to the cards of all providers; `named` says whether the address names this one.
pub(super) fn error_of<T>(action: Post<T>, provider: ProviderId, named: bool) -> Signal<Option<AppError>>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    Signal::derive(move || {
        let error = action.error()?;
        let ours = action.version().get() > 0
            || match &error.provider {
                Some(about) => *about == provider,
                None => named,
            };
        ours.then_some(error)
    })
}
