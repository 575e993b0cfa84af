//! What ElevenLabs answers to its operations, as the facts file lists it: by every operation's own rules.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::{
    model::{ids::ProviderId, status::Reason, time::Timestamp},
    providers::{
        catalogue::{Catalogue, rule::Then},
        egress::body::Body,
        rules::{Reply, judge},
    },
};

/// Both ways in which ElevenLabs writes an error's code.
fn bodies(code: &str) -> [Value; 2] {
    [
        json!({"detail": {"status": code, "message": "…"}}),
        json!({"detail": {"type": "…", "code": code, "message": "…"}}),
    ]
}

fn found(operation: &str, status: u16, body: &Value) -> (Then, Reason) {
    let file = &Catalogue::shared().get(&ProviderId::ELEVENLABS).unwrap().file;
    let body = Body::new(body.to_string().into_bytes());
    let reply = Reply { status, headers: HeaderMap::new(), body };
    let finding = judge(&file.operations[operation].rules, &reply, Timestamp::default());
    (finding.then, finding.reason)
}

#[test]
fn what_elevenlabs_answers_to_operations_means_what_is_written_down() {
    const PLAN: (Then, Reason) = (Then::Limited, Reason::PlanNeeded);
    const GONE: (Then, Reason) = (Then::BadRequest, Reason::NotThere);
    const UNFIT: (Then, Reason) = (Then::BadRequest, Reason::ContentRefused);
    const PACE: (Then, Reason) = (Then::RateLimited, Reason::RateLimited);
    let all = ["subscription", "models", "list_voices", "preview", "speak", "clone", "rename", "delete"];
    let of_a_voice = ["preview", "speak", "rename", "delete"];
    for (status, code, operations, expected) in [
        (401, "missing_permissions", &all[..], (Then::Limited, Reason::MissingPermissions)),
        (401, "invalid_api_key", &all, (Then::Invalid, Reason::Rejected)),
        (401, "detected_unusual_activity", &all, (Then::Suspended, Reason::AccountSuspended)),
        (401, "quota_exceeded", &["speak"], (Then::Exhausted, Reason::QuotaUsedUp)),
        (402, "paid_plan_required", &["speak", "clone", "rename"], PLAN),
        (403, "only_for_creator+", &["speak"], PLAN),
        (400, "voice_limit_reached", &["clone"], (Then::Limited, Reason::NoRoom)),
        (400, "voice_not_found", &of_a_voice, GONE),
        (404, "voice_not_found", &of_a_voice, GONE),
        (400, "max_character_limit_exceeded", &["speak"], UNFIT),
        (400, "invalid_parameters", &["speak", "clone", "rename", "list_voices"], UNFIT),
        (429, "rate_limit_exceeded", &all, PACE),
        (429, "concurrent_limit_exceeded", &all, PACE),
        (429, "too_many_concurrent_requests", &all, PACE),
        (429, "system_busy", &all, PACE),
        (500, "internal_error", &all, (Then::Unreachable, Reason::ProviderFault)),
        (503, "unavailable", &all, (Then::Unreachable, Reason::ProviderFault)),
    ] {
        for operation in operations {
            for body in bodies(code) {
                assert_eq!(found(operation, status, &body), expected, "{operation} {status} {body}");
            }
        }
    }
    // Written with a code of its own beside an older one, in an older way, and as a list.
    let both = json!({"detail": {"type": "payment_required", "code": "paid_plan_required", "status": "payment_required"}});
    let list = json!({"detail": [{"loc": ["body", "text"], "msg": "field required", "type": "missing"}]});
    for (operation, status, body, expected) in [
        ("speak", 402, &both, PLAN),
        ("clone", 402, &both, PLAN),
        ("speak", 422, &list, UNFIT),
        ("clone", 422, &list, UNFIT),
        ("rename", 422, &list, UNFIT),
        ("list_voices", 422, &list, UNFIT),
    ] {
        assert_eq!(found(operation, status, body), expected, "{operation} {status} {body}");
    }
    for status in [400, 401, 403] {
        let older = &bodies("can_not_use_instant_voice_cloning")[0];
        assert_eq!(found("clone", status, older), PLAN, "{status}");
    }
}
