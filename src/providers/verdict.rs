//! One verdict from the findings of a check's deciding calls.

use super::{catalogue::rule::Then, rules::Finding};
use crate::model::status::Reason;

/// The verdict of the deciding calls, in order; each but the last asked on.
///
/// A credential that one call accepts works, whatever another refused it: then a permission is
/// missing. It is refused only if every call refuses it: an outage on the way leaves it open.
pub(crate) fn combine(findings: &[Finding]) -> Option<Finding> {
    let accepted = findings.iter().filter(|finding| finding.then.is_accepted());
    let worst = accepted.max_by_key(|finding| match finding.then {
        Then::Exhausted => 2,
        Then::Limited => 1,
        _ => 0,
    });
    if let Some(worst) = worst {
        let refused = findings.iter().any(|finding| finding.then.is_refused());
        return Some(if refused && worst.then == Then::Accepted {
            Finding { then: Then::Limited, reason: Reason::MissingPermissions, ..worst.clone() }
        } else {
            worst.clone()
        });
    }
    let open = findings.iter().find(|finding| !finding.then.is_refused());
    open.or(findings.last()).cloned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Then; 7] = [
        Then::Accepted,
        Then::Limited,
        Then::Exhausted,
        Then::Invalid,
        Then::Suspended,
        Then::RateLimited,
        Then::Unreachable,
    ];

    fn finding(then: Then) -> Finding {
        Finding {
            then,
            reason: Reason::UnexpectedAnswer,
            rule: None,
            ask_on: true,
            http_status: None,
            retry_after: None,
            code: None,
        }
    }

    fn combined(thens: &[Then]) -> Option<Then> {
        combine(&thens.iter().copied().map(finding).collect::<Vec<_>>()).map(|finding| finding.then)
    }

    #[test]
    fn a_refusal_beside_an_acceptance_is_a_missing_permission() {
        assert_eq!(combined(&[Then::Invalid, Then::Accepted]), Some(Then::Limited));
        assert_eq!(combined(&[Then::Limited, Then::Accepted]), Some(Then::Limited));
        assert_eq!(combined(&[Then::Limited, Then::Unreachable]), Some(Then::Limited));
        assert_eq!(combined(&[Then::Invalid, Then::Unreachable]), Some(Then::Unreachable));
        assert_eq!(combined(&[Then::Invalid, Then::Invalid]), Some(Then::Invalid));
        assert_eq!(combined(&[]), None);
    }

    proptest! {
        #[test]
        fn it_is_refused_only_by_all_and_accepted_by_one(thens in prop::collection::vec(prop::sample::select(ALL.to_vec()), 1..5)) {
            let verdict = combined(&thens).unwrap();
            prop_assert_eq!(verdict.is_refused(), thens.iter().all(|then| then.is_refused()));
            prop_assert_eq!(verdict.is_accepted(), thens.iter().any(|then| then.is_accepted()));
        }
    }
}
