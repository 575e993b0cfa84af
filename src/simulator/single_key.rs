//! What the providers with a single key in a header have in common.

use axum::{
    http::{HeaderMap, Uri},
    response::Response,
};

use super::{
    Simulator,
    credential::{Params, Presented},
    faults,
    keys::{Provider, Situation},
};

/// The place of the account that a request's key opens, with what the key is in for; nothing where the simulator
/// does not know it. `Err` is an answer that is the same for every provider: none.
pub async fn caller(
    simulator: &Simulator,
    provider: Provider,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<Option<(usize, Situation)>, Response> {
    let found = {
        let state = simulator.lock();
        Presented::of(provider, headers, &Params::of(uri))
            .and_then(|presented| state.find(provider, &presented))
            .map(|(place, _)| (place, state.accounts[place].situation))
    };
    match found {
        Some((_, Situation::HangsUp)) => Err(faults::hang_up()),
        Some((_, Situation::NeverAnswers)) => Err(faults::never().await),
        Some((_, Situation::Invalid)) => Ok(None),
        other => Ok(other),
    }
}
