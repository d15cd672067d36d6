"""The edge, as its template makes it, before a deployed stack that answers nobody else."""

import hashlib
import json

import pytest

from tests.deployed import deployed
from tests.edge.cloudfront import Answer, Distribution, Request
from tests.stack.local_stack import LocalStack, Stacks
from tools.ost.fans import Fan

SECRET = "what only the edge of this stack knows"


@pytest.fixture(scope="module")
def stack(stacks: Stacks) -> LocalStack:
    return stacks(f"OriginSecretDigests={hashlib.sha256(SECRET.encode()).hexdigest()}")


@pytest.fixture
def edge(stack: LocalStack) -> Distribution:
    """Return a distribution whose API is the running stack."""

    def origin(name: str, request: Request) -> Answer:
        assert name == "api"
        headers = {key: value for key, value in request.headers.items() if key != "host"}
        answer = stack.http.request(request.method, request.url, headers=headers)
        return Answer(answer.status_code, answer.text, answer.headers.get("cache-control"))

    resources = deployed("templates/edge.yaml", Service="local", ApiHost="api", OriginSecret=SECRET)
    return Distribution(resources, origin)


def test_two_fans_wait_behind_the_edge_and_see_only_their_own(stack: LocalStack, edge: Distribution) -> None:
    concert = stack.publish_concert(seats=50)
    fans = stack.fans(2)
    joined = [
        json.loads(edge.ask("POST", f"/api/concerts/{concert.concert_id}/queue-tokens", fan.headers).body)
        for fan in fans
    ]

    polled = [
        edge.ask(
            "GET",
            f"/api/concerts/{concert.concert_id}/queue-tokens/current",
            fan.headers | {"X-Queue-Token": place["token"]},
        )
        for fan, place in zip(fans, joined, strict=True)
        for _ in range(2)
    ]

    assert [answer.status for answer in polled] == [200] * 4
    assert len({json.loads(answer.body)["token"] for answer in (polled[0], polled[2])}) == 2


def test_lists_are_cut_as_asked_and_shared_by_who_has_not_signed_in(stack: LocalStack, edge: Distribution) -> None:
    one = json.loads(edge.ask("GET", "/api/concerts?limit=1").body)
    two = json.loads(edge.ask("GET", "/api/concerts?limit=2").body)

    assert (len(one["items"]), len(two["items"])) == (1, 2)
    assert edge.ask("GET", "/api/points").status == 401


def test_nobody_comes_around_the_edge(stack: LocalStack) -> None:
    fan: Fan = stack.fan()

    for headers in ({}, fan.headers, fan.headers | {"X-Origin-Secret": "a guess"}):
        answer = stack.http.get("/concerts", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
