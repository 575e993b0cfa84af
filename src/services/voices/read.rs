//! What ElevenLabs answers, reduced to what is shown. Texts are cut: they are somebody's, and may be long.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{
    ids::VoiceId,
    time::Timestamp,
    voices::{PlanView, SpeechModel, VoiceCategory, VoicePage, VoiceView},
};

/// Labels of a voice that are shown.
const LABELS: usize = 8;
/// Models that are offered.
const MODELS: usize = 50;

pub(super) fn page(body: &Value) -> VoicePage {
    let voices = body["voices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let more = body["has_more"].as_bool().unwrap_or_default();
    VoicePage {
        items: voices.iter().filter_map(voice).collect(),
        next: body["next_page_token"].as_str().filter(|_| more).map(str::to_owned),
        total: body["total_count"].as_u64().and_then(|total| u32::try_from(total).ok()),
    }
}

fn voice(voice: &Value) -> Option<VoiceView> {
    let id: VoiceId = voice["voice_id"].as_str()?.parse().ok()?;
    let category = match voice["category"].as_str().unwrap_or_default() {
        "cloned" => VoiceCategory::Cloned,
        "professional" => VoiceCategory::Professional,
        "generated" => VoiceCategory::Generated,
        "premade" => VoiceCategory::ReadyMade,
        _ => VoiceCategory::Other,
    };
    let labels = voice["labels"].as_object().into_iter().flatten();
    let label = |(name, value): (&String, &Value)| Some((cut(name, 40), text(value, 60)?));
    Some(VoiceView {
        name: text(&voice["name"], 200).unwrap_or_else(|| id.to_string()),
        category,
        description: text(&voice["description"], 500),
        labels: labels.filter_map(label).take(LABELS).collect::<BTreeMap<_, _>>(),
        own: voice["is_owner"].as_bool().unwrap_or_default(),
        has_preview: voice["preview_url"].as_str().is_some_and(|url| !url.is_empty()),
        created_at: seconds(&voice["created_at_unix"]),
        id,
    })
}

pub(super) fn models(body: &Value) -> Vec<SpeechModel> {
    let all = body.as_array().map(Vec::as_slice).unwrap_or_default();
    let speaks = |model: &&Value| model["can_do_text_to_speech"].as_bool().unwrap_or_default();
    all.iter().filter(speaks).filter_map(model).take(MODELS).collect()
}

fn model(model: &Value) -> Option<SpeechModel> {
    let id = model["model_id"].as_str()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !(1..=64).contains(&id.len()) || !id.bytes().all(plain) {
        return None;
    }
    let rate = &model["model_rates"]["character_cost_multiplier"];
    let rate = rate.as_f64().or_else(|| model["token_cost_factor"].as_f64());
    let per_thousand = rate.filter(|rate| (0.0..=1_000.0).contains(rate)).unwrap_or(1.0) * 1_000.0;
    Some(SpeechModel {
        id: id.to_owned(),
        name: text(&model["name"], 80).unwrap_or_else(|| id.to_owned()),
        longest: model["maximum_text_length_per_request"].as_u64().and_then(|most| u32::try_from(most).ok()),
        per_thousand: per_thousand.round() as u32,
    })
}

pub(super) fn plan(body: &Value) -> Option<PlanView> {
    let count = |name: &str| body[name].as_u64().and_then(|count| u32::try_from(count).ok());
    let beyond = &body["max_credit_limit_extension"];
    Some(PlanView {
        tier: text(&body["tier"], 40).unwrap_or_default(),
        used: body["character_count"].as_i64()?,
        limit: body["character_limit"].as_i64()?,
        beyond: beyond.as_str() == Some("unlimited") || beyond.as_i64().is_some_and(|credits| credits > 0),
        resets_at: seconds(&body["next_character_count_reset_unix"]),
        voices: count("voice_slots_used"),
        voices_max: count("voice_limit"),
    })
}

fn seconds(value: &Value) -> Option<Timestamp> {
    // Until the year 9999, so that it stays a time however it is written.
    value.as_i64().filter(|seconds| (0..253_402_300_800).contains(seconds)).map(Timestamp::from_seconds)
}

fn text(value: &Value, most: usize) -> Option<String> {
    value.as_str().map(|text| cut(text, most)).filter(|text| !text.is_empty())
}

fn cut(text: &str, most: usize) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_voice_is_read_as_far_as_it_is_told() {
        let body = json!({"voices": [
            {"voice_id": "v1", "name": "Ana\n", "category": "cloned", "is_owner": true, "labels": {"accent": "british", "n": 1},
             "preview_url": "https://x/y", "created_at_unix": 1_767_225_600},
            {"voice_id": "../x"}, {"voice_id": "v2", "preview_url": null}, 7,
        ], "has_more": true, "next_page_token": "t", "total_count": 9});
        let page = page(&body);
        assert_eq!((page.items.len(), page.next.as_deref(), page.total), (2, Some("t"), Some(9)));
        let first = &page.items[0];
        assert_eq!(
            (first.name.as_str(), first.category, first.own, first.has_preview),
            ("Ana", VoiceCategory::Cloned, true, true)
        );
        assert_eq!(first.labels, BTreeMap::from([("accent".to_owned(), "british".to_owned())]));
        assert_eq!((page.items[1].name.as_str(), page.items[1].has_preview), ("v2", false));
    }

    #[test]
    fn a_model_s_price_is_told_in_two_ways() {
        let body = json!([
            {"model_id": "a", "can_do_text_to_speech": true, "token_cost_factor": 1.0, "model_rates": {"character_cost_multiplier": 0.5}},
            {"model_id": "b", "can_do_text_to_speech": true, "token_cost_factor": 2.0},
            {"model_id": "c", "can_do_text_to_speech": false},
        ]);
        let prices: Vec<_> = models(&body).into_iter().map(|model| (model.id, model.per_thousand)).collect();
        assert_eq!(prices, [("a".to_owned(), 500), ("b".to_owned(), 2_000)]);
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_panic(number in any::<f64>(), word in "\\PC{0,300}", count in any::<i64>()) {
            let odd = json!({"voices": [{"voice_id": word, "name": word, "created_at_unix": count}],
                "total_count": count, "character_count": count, "character_limit": count,
                "next_character_count_reset_unix": count, "voice_limit": count});
            prop_assert!(page(&odd).items.iter().all(|voice| voice.name.chars().count() <= 200));
            let _ = plan(&odd).map(|plan| (plan.left(), plan.is_full()));
            let _ = models(&json!([{"model_id": "a", "can_do_text_to_speech": true, "token_cost_factor": number}]));
        }
    }
}
