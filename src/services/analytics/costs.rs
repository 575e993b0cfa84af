//! What calls cost, out of what providers said.

use super::provider_of;
use crate::{
    model::money::{Amount, Charge},
    store::CostRow,
};

pub(super) fn costs(rows: Vec<CostRow>) -> Vec<Charge> {
    let costs = rows.into_iter().filter_map(|row| {
        let CostRow { provider, service, operation, currency, calls, whole, billionths } = row;
        let amount = Amount { whole, billionths }.to_string();
        let (provider, service) = (provider_of(&provider)?, service.parse().ok());
        Some(Charge { provider, service, operation, currency, calls, amount })
    });
    costs.collect()
}
