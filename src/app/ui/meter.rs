use leptos::prelude::*;

use crate::model::{key::Quota, number::grouped};

/// How much of an allowance is left: a bar, and the same in words. Numbers the provider did not tell
/// are left out.
#[component]
pub fn QuotaMeter(
    /// The allowance.
    quota: Quota,
) -> impl IntoView {
    let resets = quota.resets_at.map(|at| format!(", resets {}", at.date_for_people()));
    match (quota.left(), quota.limit) {
        (Some(left), Some(limit)) if limit > 0 => {
            let share = share(left, limit);
            let class = match share {
                0 => "meter meter-empty",
                1..=10 => "meter meter-low",
                _ => "meter",
            };
            view! {
                <span class="quota">
                    <svg
                        class=class
                        viewBox="0 0 100 6"
                        preserveAspectRatio="none"
                        role="meter"
                        aria-label=format!("{} left", capitalised(&quota.unit))
                        aria-valuemin="0"
                        aria-valuemax=limit
                        aria-valuenow=left.min(limit)
                    >
                        <rect class="meter-track" x="0" y="0" width="100" height="6" />
                        <rect class="meter-fill" x="0" y="0" width=share height="6" />
                    </svg>
                    <span>
                        <strong class="figures">{grouped(left)}</strong>
                        {format!(" of {} {} left", grouped(limit), quota.unit)}
                        {resets}
                    </span>
                </span>
            }
            .into_any()
        }
        (Some(left), _) => view! {
            <span class="quota">
                <span>
                    <strong class="figures">{grouped(left)}</strong>
                    {format!(" {} left", quota.unit)}
                    {resets}
                </span>
            </span>
        }
        .into_any(),
        _ => quota
            .used
            .map(|used| {
                view! {
                    <span class="quota">
                        <span>
                            <strong class="figures">{grouped(used)}</strong>
                            {format!(" {} used", quota.unit)}
                            {resets}
                        </span>
                    </span>
                }
                .into_any()
            })
            .into_any(),
    }
}

/// The share in per cent, 1 where anything at all is left.
fn share(left: i64, limit: i64) -> i64 {
    if left <= 0 { 0 } else { (left.saturating_mul(100) / limit).clamp(1, 100) }
}

fn capitalised(word: &str) -> String {
    let mut word = word.to_owned();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remainder_is_never_drawn_as_nothing() {
        assert_eq!(share(0, 1_000), 0);
        assert_eq!(share(1, 100_000), 1);
        assert_eq!(share(958, 1_000), 95);
        assert_eq!(share(1_200, 1_000), 100);
        assert_eq!(share(i64::MAX, i64::MAX), 1);
    }
}
