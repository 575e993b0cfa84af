//! Access to services.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
#[cfg(feature = "ssr")]
use crate::model::page::limits;
use crate::model::{error::AppError, page::Gate, service::ServiceId};

/// The decision on one service, with what opens it where it is closed.
#[server(name = AskGate, prefix = "/api/rpc", endpoint = "gate", protocol = Rpc)]
pub async fn gate(service: ServiceId) -> Result<Gate, AppError> {
    let gate = async {
        let (who, keys) = (principal().await?, use_cases()?.keys);
        let decision = keys.decide(who.user, service).await?;
        if decision.granted {
            let limits = limits(&decision, &keys.list(who.user).await?);
            return Ok(Gate { decision, settings: None, limits });
        }
        Ok(Gate { decision, settings: Some(keys.settings(who.user).await?), limits: Vec::new() })
    };
    gate.await
}
