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

/// What the key of a request is in for; nothing where the simulator does not know it. `Err` is an answer that
/// is the same for every provider: none.
pub async fn situation(
    simulator: &Simulator,
    provider: Provider,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<Option<Situation>, Response> {
    let found = {
        let state = simulator.lock();
        Presented::of(provider, headers, &Params::of(uri))
            .and_then(|presented| state.find(provider, &presented))
            .map(|(place, _)| state.accounts[place].situation)
    };
    match found {
        Some(Situation::HangsUp) => Err(faults::hang_up()),
        Some(Situation::NeverAnswers) => Err(faults::never().await),
        Some(Situation::Invalid) => Ok(None),
        other => Ok(other),
    }
}
