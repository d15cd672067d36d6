"""Two fans, an error and a bot through every route of the API, at a distribution that is modelled from its template.

`faults` looks for what may never happen; that it can see it is shown by taking each precaution away.
"""

import json
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.contract.test_contract import ROUTES
from tests.deployed import deployed
from tests.edge.cloudfront import MANAGED_CACHE_POLICIES, Answer, Distribution, Request

API_HOST = "abc123.execute-api.eu-west-1.amazonaws.com"
SECRET = "only the edge knows"
CACHING = [None, "no-store", "public, max-age=0, s-maxage=1", "public, max-age=60"]
"""What a route may say about its answer. Not even a handler that is wrong about it may show one fan's to another."""
ERRORS = [400, 403, 404, 409, 429, 500, 502, 503, 504]
USE_ORIGIN_CACHE_CONTROL = "83da9c7e-98b4-4e11-a168-04f0df8e2c65"

type Resources = dict[str, dict[str, Any]]


def edge() -> Resources:
    return deployed(
        "templates/edge.yaml", Service="ost-eu-west-1", ApiHost=API_HOST, OriginSecret=SECRET, AlarmEmail=""
    )


def fan(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}", "X-Queue-Token": f"place of {name}"}


class Api:
    """An origin that answers with what it was asked, and by whom; its n-th answer is an error when it is told so."""

    def __init__(self, cache_control: str | None = None) -> None:
        self.cache_control = cache_control
        self.asked: list[Request] = []
        self.error: int | None = None

    def __call__(self, origin: str, request: Request) -> Answer:
        assert origin == ("draws" if "/draw" in request.path else "api")
        self.asked.append(request)
        if request.headers["host"] != API_HOST:
            return Answer(403, "API Gateway knows no such host")
        if self.error is not None:
            error, self.error = self.error, None
            return Answer(error, "an error", self.cache_control)
        who = request.headers.get("authorization")
        return Answer(200, json.dumps({"path": request.path, "query": request.query, "who": who}), self.cache_control)


def faults(resources: Resources) -> set[str]:
    """Name what goes wrong at this edge, whatever route is asked and whatever it says about caching."""
    found = set()
    for method, path in ROUTES:
        for cache_control in CACHING:
            found |= {f"{fault}: {method} {path}" for fault in _faults_of(resources, method, path, cache_control)}
    return found


def _faults_of(resources: Resources, method: str, path: str, cache_control: str | None) -> set[str]:
    found = set()
    url = "/api" + path.replace("{concertId}", "starfall").replace("{", "").replace("}", "")

    def ask(at: Distribution, query: str = "", headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        answer = at.ask(method, url + query, headers, **more)
        return json.loads(answer.body) if answer.status == 200 else {"error": answer.status}

    api = Api(cache_control)
    at = Distribution(resources, api)
    shown = [ask(at, headers=fan("a")), ask(at, headers=fan("b")), ask(at)]
    if [each.get("who") for each in shown] != ["Bearer a", "Bearer b", None]:
        found.add("one fan's answer is shown to another")
    if {each.get("path") for each in shown} != {url.removeprefix("/api")}:
        found.add("the API is asked for another path")

    at = Distribution(resources, Api(cache_control))
    if [ask(at, query).get("query") for query in ("?limit=1", "", "?limit=2&cursor=x")] != [
        {"limit": "1"},
        {},
        {"limit": "2", "cursor": "x"},
    ]:
        found.add("a query string is lost")

    for status in ERRORS:
        api = Api("no-store")
        at = Distribution(resources, api)
        api.error = status
        ask(at)
        at.now += 1
        if "error" in ask(at):
            found.add("an error outlives its second")

    api = Api(cache_control)
    bot = {"X-Origin-Secret": "a guess", "Host": "evil.example"}
    if "error" in ask(Distribution(resources, api), headers=bot, host="evil.example"):
        found.add("the API refuses the edge")
    if {request.headers.get("x-origin-secret") for request in api.asked} != {SECRET}:
        found.add("the API cannot tell that the edge sent a request")
    return found


def test_no_answer_is_shared_no_error_outlives_its_second_and_no_query_string_is_lost() -> None:
    assert faults(edge()) == set()


def _managed_policy(resources: Resources) -> None:
    _config(resources)["CacheBehaviors"][-1]["CachePolicyId"] = USE_ORIGIN_CACHE_CONTROL


def _errors_as_usual(resources: Resources) -> None:
    del _config(resources)["CustomErrorResponses"]


def _key_without_the_sign_in(resources: Resources) -> None:
    _inside(resources)["HeadersConfig"]["Headers"] = ["Origin"]


def _key_without_the_query(resources: Resources) -> None:
    _inside(resources)["QueryStringsConfig"] = {"QueryStringBehavior": "none"}


def _host_in_the_key(resources: Resources) -> None:
    _inside(resources)["HeadersConfig"]["Headers"].append("Host")


def _no_secret(resources: Resources) -> None:
    _config(resources)["Origins"][-1].pop("OriginCustomHeaders")


def _path_as_it_is(resources: Resources) -> None:
    del _config(resources)["CacheBehaviors"][-1]["FunctionAssociations"]


def _config(resources: Resources) -> dict[str, Any]:
    config: dict[str, Any] = resources["Distribution"]["Properties"]["DistributionConfig"]
    return config


def _inside(resources: Resources) -> dict[str, Any]:
    caching = resources["ApiCaching"]["Properties"]["CachePolicyConfig"]
    inside: dict[str, Any] = caching["ParametersInCacheKeyAndForwardedToOrigin"]
    return inside


@pytest.mark.parametrize(
    ("sabotage", "seen"),
    [
        (
            _managed_policy,
            {"the API refuses the edge", "one fan's answer is shown to another", "a query string is lost"},
        ),
        (_errors_as_usual, {"an error outlives its second"}),
        (_key_without_the_sign_in, {"one fan's answer is shown to another"}),
        (_key_without_the_query, {"a query string is lost"}),
        (_host_in_the_key, {"the API refuses the edge"}),
        (_no_secret, {"the API cannot tell that the edge sent a request"}),
        (_path_as_it_is, {"the API is asked for another path"}),
    ],
)
def test_without_a_precaution_its_fault_is_seen(sabotage: Callable[[Resources], None], seen: set[str]) -> None:
    without = deepcopy(edge())

    sabotage(without)

    assert seen <= {fault.partition(":")[0] for fault in faults(without)}


def test_who_reads_without_signing_in_shares_an_answer_for_as_long_as_it_says() -> None:
    api = Api("public, max-age=0, s-maxage=1")
    at = Distribution(edge(), api)

    for moment in (0.0, 0.5, 1.5):
        at.now = moment
        at.ask("GET", "/api/performances/p/seats")

    assert len(api.asked) == 2


@pytest.mark.parametrize(("region", "shielded"), [("ap-northeast-2", True), ("", False)])
def test_all_edges_ask_one_cache_for_what_a_draw_has_published_and_for_nothing_else(
    region: str, *, shielded: bool
) -> None:
    resources = deployed("templates/edge.yaml", Service="s", ApiHost=API_HOST, OriginSecret=SECRET, ShieldRegion=region)

    shields = {each["Id"]: each["OriginShield"] for each in _config(resources)["Origins"] if "OriginShield" in each}
    assert shields == ({"draws": {"Enabled": True, "OriginShieldRegion": region}} if shielded else {})


def test_a_file_of_a_draw_is_asked_of_the_api_once_by_an_edge() -> None:
    api = Api("public, max-age=31536000, immutable")
    at = Distribution(edge(), api)

    for _ in range(3):
        at.ask("GET", f"/api/concerts/starfall/draw/pieces/{'0' * 64}/000")

    assert len(api.asked) == 1


def test_what_changes_something_is_never_kept() -> None:
    api = Api("public, max-age=60")
    at = Distribution(edge(), api)

    for _ in range(2):
        at.ask("POST", "/api/payments", fan("a"))
        at.ask("DELETE", "/api/reservations/r", fan("a"))

    assert Counter(request.method for request in api.asked) == {"POST": 2, "DELETE": 2}


@pytest.mark.parametrize("path", ["/", "/index.html", "/config.json", "/release/0123/main.js", "/apis", "/concerts"])
def test_everything_else_is_a_file(path: str) -> None:
    asked: list[tuple[str, Request]] = []

    def files(origin: str, request: Request) -> Answer:
        asked.append((origin, request))
        return Answer(200, "a file", "no-cache")

    answer = Distribution(edge(), files).ask("GET", path, fan("a"))

    [(origin, request)] = asked
    assert answer.body == "a file"
    assert (origin, request.path) == ("files", path)
    assert not {"authorization", "x-queue-token"} & set(request.headers)


def test_policies_of_ours_are_ones_that_cloudfront_accepts() -> None:
    """A policy that keeps nothing may have nothing in its key, and a name belongs to an account, not to a Region."""
    resources = edge()
    policies = [each for each in resources.values() if each["Type"] == "AWS::CloudFront::CachePolicy"]

    assert all(policy["Properties"]["CachePolicyConfig"]["MaxTTL"] > 0 for policy in policies)
    assert MANAGED_CACHE_POLICIES.keys() >= {
        behaviour["CachePolicyId"]
        for behaviour in [_config(resources)["DefaultCacheBehavior"], *_config(resources)["CacheBehaviors"]]
        if isinstance(behaviour["CachePolicyId"], str)
    }


def test_names_that_are_global_in_an_account_tell_stack_and_region() -> None:
    named = {
        name: next(config["Name"] for key, config in each["Properties"].items() if key.endswith("Config"))
        for name, each in edge().items()
        if each["Type"].endswith(("CachePolicy", "ResponseHeadersPolicy", "OriginAccessControl"))
    }
    named["ApiPath"] = edge()["ApiPath"]["Properties"]["Name"]

    assert len(named) == 4
    assert all(str(name).startswith("ost-eu-west-1-") for name in named.values())


def test_page_with_a_domain_of_its_own_speaks_modern_tls_only() -> None:
    named = deployed(
        "templates/edge.yaml",
        Service="s",
        ApiHost=API_HOST,
        OriginSecret=SECRET,
        WebDomain="w.example",
        CertificateArn="c",
    )

    assert _config(named)["Aliases"] == ["w.example"]
    assert _config(named)["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert not {"Aliases", "ViewerCertificate"} & set(_config(edge()))


@pytest.mark.parametrize(("domain", "closed"), [("api.example", True), ("", False)])
def test_api_with_a_domain_of_its_own_answers_under_no_other(domain: str, closed: bool) -> None:
    there = deployed(ApiDomain=domain, ApiCertificateArn="c")
    [server] = there["Api"]["Properties"]["Body"]["servers"]

    assert server["x-amazon-apigateway-endpoint-configuration"] == {"disableExecuteApiEndpoint": closed}
    assert ("OwnApiMapping" in there) is closed
