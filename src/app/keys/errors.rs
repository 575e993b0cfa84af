use leptos::{prelude::*, server_fn::ServerFn};

use crate::model::{error::AppError, ids::ProviderId};

/// The error of an action as far as it concerns `provider`. After a plain form post the router hands the
/// error to the cards of all providers; `named` says whether the address names this one.
pub(super) fn error_of<S>(
    action: ServerAction<S>,
    provider: ProviderId,
    named: bool,
) -> Signal<Option<AppError>>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    let (value, version) = (action.value(), action.version());
    Signal::derive(move || {
        let error = value.with(|value| value.as_ref().and_then(|result| result.as_ref().err().cloned()))?;
        let ours = version.get() > 0
            || match &error.provider {
                Some(about) => *about == provider,
                None => named,
            };
        ours.then_some(error)
    })
}
