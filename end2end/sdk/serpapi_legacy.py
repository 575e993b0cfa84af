"""The simulator against `google-search-results`, SerpAPI's older SDK."""

from serpapi import GoogleSearch, SerpApiClient

from simulator import equal, main


def search(simulator, key="plenty", **params):
    """A search with the test key `key`, which travels as `api_key`."""
    SerpApiClient.BACKEND = f"{simulator.base}/serpapi"
    return SerpApiClient({"api_key": simulator.keys["serpapi", key]["api_key"], **params}, timeout=10)


def account(simulator):
    equal(search(simulator, engine="google").get_account()["total_searches_left"], 958)


def key_of_the_class(simulator):
    GoogleSearch.BACKEND = f"{simulator.base}/serpapi"
    GoogleSearch.SERP_API_KEY = simulator.keys["serpapi", "plenty"]["api_key"]
    try:
        equal(len(GoogleSearch({"q": "tea"}).get_dict()["organic_results"]), 10)
    finally:
        GoogleSearch.SERP_API_KEY = None


def wrong_key(simulator):
    answer = search(simulator, key="invalid", engine="google", q="tea").get_dict()
    equal(answer["error"], "Invalid API key. Your API key should be here: https://serpapi.com/manage-api-key")


def maps(simulator):
    made = search(simulator, engine="google_maps", type="search", q="few cafes", ll="@51.5,-0.12,14z")
    answer = made.get_dict()
    equal((answer["search_metadata"]["status"], len(answer["local_results"])), ("Success", 7))
    equal(made.get_search_archive(answer["search_metadata"]["id"]), answer)


def pages(simulator):
    answers = list(search(simulator, engine="google", q="tea").pagination())
    equal([len(answer["organic_results"]) for answer in answers], [10, 10])


def locations(simulator):
    # The class that knows its engine: `get_location` forgets all parameters, the engine too.
    GoogleSearch.BACKEND = f"{simulator.base}/serpapi"
    equal(GoogleSearch({}).get_location("Lisbon", 1)[0]["country_code"], "PT")


main("google-search-results", [account, key_of_the_class, wrong_key, maps, pages, locations])
