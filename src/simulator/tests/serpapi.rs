use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Client, field};
use crate::model::ids::ProviderId;

const COFFEE: &str = "engine=google_maps&type=search&q=coffee&ll=%4040.7455,-74.0083,14z";

async fn maps(client: &Client, key: &str, query: &str) -> Answer {
    let query = format!("engine=google_maps&type=search&ll=%4040.7455,-74.0083,14z&{query}");
    client.serpapi(key, "/search.json", &query).await
}

fn assert_error(answer: &Answer, status: u16, text: &str) {
    assert_eq!((answer.status.as_u16(), &answer.json), (status, &json!({ "error": text })));
}

#[tokio::test]
async fn the_account_call_tells_plan_and_quota_and_echoes_the_key() {
    let client = Client::new();
    for path in ["/account.json", "/account"] {
        let account = client.serpapi("plenty", path, "").await;
        assert_eq!(account.status, StatusCode::OK);
        let body = account.json;
        assert_eq!(body["api_key"], field(&ProviderId::SERPAPI, "plenty", "api_key"));
        assert_eq!(body["account_status"], "Active");
        assert_eq!((&body["plan_id"], &body["plan_name"]), (&json!("starter_v4"), &json!("Starter")));
        assert_eq!(body["plan_monthly_price"], 25.0);
        assert_eq!(body["searches_per_month"], 1_000);
        assert_eq!(body["total_searches_left"], 958);
        assert_eq!(body["plan_searches_left"], 958);
        assert_eq!(body["this_month_usage"], 42);
        assert_eq!(body["account_rate_limit_per_hour"], 200);
        assert_eq!(body["account_id"].as_str().map(str::len), Some(24));
    }
}

#[tokio::test]
async fn every_test_key_meets_its_situation() {
    let client = Client::new();
    for (key, account, search) in [
        ("plenty", 200, 200),
        ("nearly_used_up", 200, 200),
        ("exhausted", 200, 429),
        ("invalid", 401, 401),
        ("no_permission", 403, 403),
        ("throttled", 200, 429),
        ("down", 503, 503),
    ] {
        assert_eq!(client.serpapi(key, "/account.json", "").await.status, account, "{key}");
        assert_eq!(client.serpapi(key, "/search.json", COFFEE).await.status, search, "{key}");
    }
}

#[tokio::test]
async fn a_missing_or_unknown_key_is_401() {
    let client = Client::new();
    let text = "Invalid API key. Your API key should be here: https://serpapi.com/manage-api-key";
    for path in ["/serpapi/account.json", "/serpapi/search?q=a", "/serpapi/account.json?api_key=nonsense"] {
        assert_error(&client.get(path).await, 401, text);
    }
    assert_error(&client.serpapi("invalid", "/account.json", "").await, 401, text);
}

#[tokio::test]
async fn the_older_parameter_name_is_accepted() {
    let key = field(&ProviderId::SERPAPI, "plenty", "api_key");
    let account = Client::new().get(&format!("/serpapi/account?serp_api_key={key}")).await;
    assert_eq!(account.json["api_key"], key);
}

#[tokio::test]
async fn bad_parameters_are_400() {
    let client = Client::new();
    let missing = client.serpapi("plenty", "/search.json", "engine=google_maps&type=search").await;
    assert_error(&missing, 400, "Missing query `q` parameter.");
    for query in [
        "engine=google_maps&q=coffee",
        "engine=google_maps&type=place&q=coffee",
        "engine=google_maps&type=search&q=coffee&start=20",
        "engine=google_maps&type=search&q=coffee&ll=40,-74",
        "engine=google_maps&type=search&q=coffee&ll=%4040,-74,14z&location=Austin",
        "engine=google_maps&type=search&q=coffee&ll=%4040,-74,14z&start=x",
        "engine=google_maps&type=search&q=coffee&lat=40",
        "engine=google_maps&type=search&q=coffee&lat=400&lon=-74",
        "engine=google&q=coffee&output=pdf",
        "engine=google_maps&type=search&q=%20%20",
        "engine=altavista&q=coffee",
        "engine=google&q=coffee&async=true&no_cache=true",
    ] {
        let answer = client.serpapi("plenty", "/search.json", query).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.json["error"].is_string(), "{query}");
    }
    assert_eq!(client.serpapi("plenty", "/account.json", "").await.json["this_month_usage"], 42);
}

#[tokio::test]
async fn uncached_searches_count_and_cached_ones_are_free() {
    let client = Client::new();
    let first = client.serpapi("plenty", "/search.json", COFFEE).await.json;
    let again =
        client.serpapi("plenty", "/search", &format!("{COFFEE}&source=python&output=json")).await.json;
    assert_eq!(first, again);
    let used = async || client.serpapi("plenty", "/account", "").await.json["this_month_usage"].clone();
    assert_eq!(used().await, 43);
    let fresh = client.serpapi("plenty", "/search.json", &format!("{COFFEE}&no_cache=true")).await.json;
    assert_ne!(first["search_metadata"]["id"], fresh["search_metadata"]["id"]);
    assert_eq!(first["local_results"], fresh["local_results"]);
    assert_eq!(used().await, 44);
    client.serpapi("plenty", "/search.json", &format!("{COFFEE}&hl=de")).await;
    let account = client.serpapi("plenty", "/account", "").await.json;
    assert_eq!(account["this_month_usage"], 45);
    assert_eq!(account["total_searches_left"], 955);
    assert_eq!(account["last_hour_searches"], 3);
}

#[tokio::test]
async fn searches_run_out() {
    let client = Client::new();
    for start in [0, 20, 40] {
        assert_eq!(maps(&client, "nearly_used_up", &format!("q=many&start={start}")).await.status, 200);
    }
    let fourth = maps(&client, "nearly_used_up", "q=many&start=60").await;
    assert_error(&fourth, 429, "Your account has run out of searches.");
    let account = client.serpapi("nearly_used_up", "/account.json", "").await.json;
    assert_eq!((&account["total_searches_left"], &account["this_month_usage"]), (&json!(0), &json!(250)));
}

#[tokio::test]
async fn the_hourly_limit_has_its_own_text_and_shows_in_the_account() {
    let client = Client::new();
    let refused = client.serpapi("throttled", "/search.json", COFFEE).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.json["error"].as_str().is_some_and(|text| text.contains("throughput")));
    let account = client.serpapi("throttled", "/account.json", "").await.json;
    assert_eq!(account["last_hour_searches"], account["account_rate_limit_per_hour"]);
    assert_eq!(account["total_searches_left"], 958);
}

#[tokio::test]
async fn pages_follow_each_other_to_the_end_without_the_key() {
    let client = Client::new();
    let key = field(&ProviderId::SERPAPI, "plenty", "api_key");
    let mut next = format!("{COFFEE}&hl=en&start=0");
    let mut titles = Vec::new();
    for page in 1.. {
        let body = client.serpapi("plenty", "/search.json", &next).await.json;
        let rows = body["local_results"].as_array().unwrap();
        assert_eq!(rows[0]["position"], titles.len() + 1);
        titles.extend(rows.iter().map(|row| row["title"].clone()));
        let Some(address) = body["serpapi_pagination"]["next"].as_str() else { break };
        assert_eq!(rows.len(), 20);
        assert!(!address.contains(&key));
        let query = address.strip_prefix("http://127.0.0.1:4010/serpapi/search.json?").unwrap();
        assert!(query.ends_with(&format!("&start={}", page * 20)), "{query}");
        next = query.to_owned();
    }
    assert!((60..=120).contains(&titles.len()), "{}", titles.len());
    let beyond = client.serpapi("plenty", "/search.json", &format!("{COFFEE}&start=400")).await.json;
    assert_eq!(beyond["error"], "Google hasn't returned any results for this query.");
}

#[tokio::test]
async fn the_same_search_gives_the_same_places_on_another_simulator() {
    let places = async || {
        let body = Client::new().serpapi("plenty", "/search.json", COFFEE).await.json;
        body["local_results"].clone()
    };
    assert_eq!(places().await, places().await);
}

#[tokio::test]
async fn no_results_are_a_success_with_an_error() {
    let client = Client::new();
    let answer = maps(&client, "plenty", "q=nothing").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json["search_metadata"]["status"], "Success");
    assert_eq!(answer.json["error"], "Google hasn't returned any results for this query.");
    assert_eq!(answer.json["search_information"]["local_results_state"], "Fully empty");
    assert_eq!(answer.json.get("local_results"), None);
    assert_eq!(client.serpapi("plenty", "/account", "").await.json["this_month_usage"], 43);
}

#[tokio::test]
async fn magic_words_give_one_place_or_seven_or_120() {
    let client = Client::new();
    let single = maps(&client, "plenty", "q=single+bakery").await.json;
    assert!(single["place_results"]["title"].is_string());
    assert_eq!((single.get("local_results"), single.get("serpapi_pagination")), (None, None));
    let few = maps(&client, "plenty", "q=few+bakeries").await.json;
    assert_eq!(few["local_results"].as_array().map(Vec::len), Some(7));
    assert_eq!(few.get("serpapi_pagination"), None);
    let last = maps(&client, "plenty", "q=many+bakeries&start=100").await.json;
    assert_eq!(last["local_results"].as_array().map(Vec::len), Some(20));
    assert_eq!(last.get("serpapi_pagination"), None);
}

#[tokio::test]
async fn a_page_fails_on_demand_and_does_not_count() {
    let client = Client::new();
    let q = "q=coffee+fail+on+page+3";
    assert_eq!(maps(&client, "plenty", &format!("{q}&start=20")).await.status, 200);
    let failed = maps(&client, "plenty", &format!("{q}&start=40")).await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(failed.json["search_metadata"]["status"], "Error");
    assert_eq!(
        failed.json["error"],
        "We couldn't get valid results for this search. Please try again later."
    );
    assert_eq!(
        maps(&client, "plenty", &format!("{q}&start=60")).await.json["local_results"][0]["position"],
        61
    );
    assert_eq!(client.serpapi("plenty", "/account", "").await.json["this_month_usage"], 44);
}

#[tokio::test]
async fn the_archive_gives_a_search_to_its_owner_only() {
    let client = Client::new();
    let search = client.serpapi("plenty", "/search.json", COFFEE).await.json;
    let id = search["search_metadata"]["id"].as_str().unwrap();
    for path in [format!("/searches/{id}.json"), format!("/searches/{id}")] {
        assert_eq!(client.serpapi("plenty", &path, "").await.json, search);
    }
    assert_eq!(client.serpapi("nearly_used_up", &format!("/searches/{id}.json"), "").await.status, 404);
    assert_eq!(client.get(&format!("/serpapi/searches/{id}.json")).await.status, 401);
}

#[tokio::test]
async fn a_search_can_be_read_as_a_page() {
    let client = Client::new();
    let search = client.serpapi("plenty", "/search", "engine=google&q=a%26b+tea").await.json;
    let (id, link) = (&search["search_metadata"]["id"], &search["organic_results"][0]["link"]);
    let (id, link) = (id.as_str().unwrap(), link.as_str().unwrap());
    for (path, query, kind) in [
        ("/search".to_owned(), "engine=google&q=a%26b+tea&output=html", "text/html; charset=utf-8"),
        (format!("/searches/{id}.html"), "", "text/html; charset=utf-8"),
        (format!("/searches/{id}"), "output=html", "text/html; charset=utf-8"),
        (format!("/searches/{id}"), "output=md", "text/markdown; charset=utf-8"),
    ] {
        let page = client.serpapi("plenty", &path, query).await;
        assert_eq!(page.headers["content-type"], kind, "{path}");
        assert!(page.text.contains(link), "{path}");
        assert_eq!(page.text.contains("a&amp;b tea"), kind.starts_with("text/html"), "{path}");
    }
    assert_eq!(client.serpapi("plenty", "/account", "").await.json["this_month_usage"], 43);
}

#[tokio::test]
async fn a_point_is_as_good_as_a_view() {
    let client = Client::new();
    let by = async |place: &str| {
        let body = client
            .serpapi("plenty", "/search", &format!("engine=google_maps&type=search&q=tea&{place}"))
            .await;
        body.json["local_results"][0]["title"].clone()
    };
    assert_eq!(by("ll=%4052.5,13.4,14z").await, by("lat=52.5&lon=13.4").await);
}

#[tokio::test]
async fn an_asynchronous_search_is_queued_and_then_in_the_archive() {
    let client = Client::new();
    let queued = client.serpapi("plenty", "/search.json", &format!("{COFFEE}&async=true")).await.json;
    assert_eq!(queued["search_metadata"]["status"], "Queued");
    assert_eq!(queued.get("local_results"), None);
    let id = queued["search_metadata"]["id"].as_str().unwrap();
    let done = client.serpapi("plenty", &format!("/searches/{id}.json"), "").await.json;
    assert_eq!(done["search_metadata"]["status"], "Success");
    assert!(done["local_results"].is_array());
}

#[tokio::test]
async fn web_results_come_by_tens() {
    let client = Client::new();
    let web =
        async |query: &str| client.serpapi("plenty", "/search", &format!("engine=google&{query}")).await;
    let first = web("q=tea").await.json;
    assert_eq!(first["organic_results"].as_array().map(Vec::len), Some(10));
    assert!(first["serpapi_pagination"]["next"].as_str().is_some_and(|next| next.contains("start=10")));
    let last = web("q=tea&start=20").await.json;
    assert_eq!(last["organic_results"].as_array().map(Vec::len), Some(5));
    assert_eq!(last["serpapi_pagination"].get("next"), None);
    assert_eq!(web("q=nothing").await.json["search_information"]["organic_results_state"], "Fully empty");
}

#[tokio::test]
async fn locations_are_free_and_need_no_key() {
    let client = Client::new();
    let found = client.get("/serpapi/locations.json?q=aus&limit=2").await;
    assert_eq!(found.status, StatusCode::OK);
    assert_eq!(found.json[0]["canonical_name"], "Austin,Texas,United States");
    assert_eq!(found.json[0]["country_code"], "US");
    assert_eq!(found.json[0]["gps"], json!([-97.7431, 30.2672]));
    assert_eq!(found.json.as_array().map(Vec::len), Some(2));
    assert_eq!(client.get("/serpapi/locations.json?q=atlantis").await.json, json!([]));
    assert_eq!(client.get("/serpapi/locations.json?limit=many").await.status, 400);
    assert_eq!(client.get("/serpapi/locations.json?limit=100").await.json.as_array().map(Vec::len), Some(40));
}

#[tokio::test]
async fn everything_told_is_fiction() {
    let rows = maps(&Client::new(), "plenty", "q=many+coffee&gl=us").await.json["local_results"].clone();
    for row in rows.as_array().unwrap() {
        if let Some(phone) = row.get("phone").and_then(Value::as_str) {
            assert!(phone.contains(") 555-01"), "{phone}");
        }
        if let Some(site) = row.get("website").and_then(Value::as_str) {
            assert!(site.ends_with(".example/"), "{site}");
        }
        assert!(row.get("address").is_none_or(|at| at.as_str().unwrap().ends_with(", New York")));
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_in_the_provider_s_form() {
    assert_error(&Client::new().serpapi("plenty", "/playground", "").await, 404, "Not found.");
}
