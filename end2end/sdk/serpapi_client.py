"""The simulator against `serpapi`, SerpAPI's current SDK."""

import serpapi

from simulator import equal, main, raised

MAPS = {"engine": "google_maps", "type": "search", "ll": "@40.7455,-74.0083,14z"}


def client(simulator, key, timeout=10):
    """A client for the test key `key`."""
    made = serpapi.Client(api_key=simulator.keys["serpapi", key]["api_key"], timeout=timeout)
    made.BASE_DOMAIN = f"{simulator.base}/serpapi"
    return made


def account(simulator):
    known = client(simulator, "plenty").account()
    equal(known["total_searches_left"], 958)
    equal(known["api_key"], simulator.keys["serpapi", "plenty"]["api_key"])


def wrong_key(simulator):
    error = raised(serpapi.HTTPError, client(simulator, "invalid").account)
    equal(error.status_code, 401)
    equal(error.error, "Invalid API key. Your API key should be here: https://serpapi.com/manage-api-key")


def missing_query(simulator):
    error = raised(serpapi.HTTPError, lambda: client(simulator, "plenty").search(**MAPS))
    equal((error.status_code, error.error), (400, "Missing query `q` parameter."))


def other_refusals(simulator):
    for key, status in [("no_permission", 403), ("exhausted", 429), ("throttled", 429), ("down", 503)]:
        error = raised(serpapi.HTTPError, lambda: client(simulator, key).search(q="tea", **MAPS))
        equal((key, error.status_code), (key, status))


def pages(simulator):
    found = [page["local_results"] for page in client(simulator, "plenty").search(q="many cafes", **MAPS).yield_pages()]
    equal([len(page) for page in found], [20] * 6)
    equal([row["position"] for page in found for row in page], list(range(1, 121)))
    equal(client(simulator, "plenty").account()["this_month_usage"], 48)


def no_results(simulator):
    page = client(simulator, "plenty").search(q="nothing", **MAPS)
    equal(page["error"], "Google hasn't returned any results for this query.")
    equal((page["search_metadata"]["status"], page.next_page()), ("Success", None))


def one_place(simulator):
    assert client(simulator, "plenty").search(q="single bakery", **MAPS)["place_results"]["title"]


def archive(simulator):
    made = client(simulator, "plenty")
    page = made.search(q="tea", engine="google")
    again = made.search_archive(search_id=page["search_metadata"]["id"])
    equal(again.as_dict(), page.as_dict())
    equal(raised(serpapi.HTTPError, lambda: made.search_archive(search_id="0" * 24)).status_code, 404)


def locations(simulator):
    made = serpapi.Client()
    made.BASE_DOMAIN = f"{simulator.base}/serpapi"
    found = made.locations(q="Austin", limit=1)
    equal([place["canonical_name"] for place in found], ["Austin,Texas,United States"])


def connection_lost(simulator):
    raised(serpapi.HTTPConnectionError, client(simulator, "hangs_up").account)
    simulator.fault("serpapi", kind="hang_up")
    raised(serpapi.HTTPConnectionError, client(simulator, "plenty").account)


def no_answer(simulator):
    raised(serpapi.TimeoutError, client(simulator, "never_answers", timeout=0.5).account)


main(
    "serpapi",
    [
        account,
        wrong_key,
        missing_query,
        other_refusals,
        pages,
        no_results,
        one_place,
        archive,
        locations,
        connection_lost,
        no_answer,
    ],
)
