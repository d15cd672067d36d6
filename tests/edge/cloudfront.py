"""A model of what CloudFront documents, made from the template of the edge as it is deployed.

What it knows, from the CloudFront developer guide: which behaviour a path has; what is in the cache key, and that it
goes to the origin, with what the origin request policy adds and the origin's own headers; that `Authorization` is taken
off a GET whose policies do not name it; how long an answer is kept (the policy's bounds around Cache-Control), and that
errors are kept for ten seconds unless told otherwise, whatever their Cache-Control says. A function of the distribution
runs as it is written, under Node.
"""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from playwright._impl._driver import compute_driver_executable

MANAGED_CACHE_POLICIES: dict[str, dict[str, Any]] = {
    # CachingOptimized
    "658327ea-f89d-4fab-a63d-7e88639e58f6": {"MinTTL": 1, "DefaultTTL": 86400, "MaxTTL": 31536000},
    # CachingDisabled
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": {"MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 0},
    # UseOriginCacheControlHeaders
    "83da9c7e-98b4-4e11-a168-04f0df8e2c65": {
        "MinTTL": 0,
        "DefaultTTL": 0,
        "MaxTTL": 31536000,
        "Headers": ["Host", "Origin", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"],
    },
}
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
KEPT_ALWAYS = {404, 410, 414, 500, 501, 502, 503, 504}
KEPT_IF_TOLD = {400, 403, 405, 412, 415}
ERRORS_ARE_KEPT = 10
"""Seconds, where the distribution says nothing."""


@dataclass(frozen=True)
class Request:
    """What a viewer sends, or what an origin is sent. Header names are in lower case."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path without the query string."""
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, str]:
        """The query string."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """What an origin answers."""

    status: int
    body: str
    cache_control: str | None = None


class Distribution:
    """One edge location of the distribution, with an origin of ours behind it and a clock that the test moves."""

    def __init__(self, resources: dict[str, dict[str, Any]], origin: Callable[[str, Request], Answer]) -> None:
        [found] = [each for each in resources.values() if each["Type"] == "AWS::CloudFront::Distribution"]
        self._config: dict[str, Any] = found["Properties"]["DistributionConfig"]
        self._resources = resources
        self._origin = origin
        self._kept: dict[tuple[Any, ...], tuple[float, Answer]] = {}
        self.now = 0.0

    def ask(
        self, method: str, url: str, headers: dict[str, str] | None = None, host: str = "d1.cloudfront.net"
    ) -> Answer:
        """Answer a viewer's request, from what is kept or from the origin."""
        viewer = {name.lower(): value for name, value in (headers or {}).items()} | {"host": host}
        request = Request(method, url, viewer)
        behaviour = self._behaviour(request.path)
        if method not in behaviour["AllowedMethods"]:
            return Answer(403, "This distribution does not allow the method")
        request = self._run_functions(behaviour, request)
        policy = self._cache_policy(behaviour)
        key = self._key(behaviour, policy, request)
        if method in ("GET", "HEAD") and key in self._kept and self._kept[key][0] > self.now:
            return self._kept[key][1]
        answer = self._origin(behaviour["TargetOriginId"], self._origin_request(behaviour, policy, request))
        if method in ("GET", "HEAD"):
            self._kept[key] = self.now + self._seconds(policy, answer), answer
        return answer

    def _behaviour(self, path: str) -> dict[str, Any]:
        for behaviour in self._config.get("CacheBehaviors", []):
            pattern = re.escape(behaviour["PathPattern"]).replace(r"\*", ".*").replace(r"\?", ".")
            if re.fullmatch(pattern, path):
                return dict(behaviour)
        return dict(self._config["DefaultCacheBehavior"])

    def _run_functions(self, behaviour: dict[str, Any], request: Request) -> Request:
        for association in behaviour.get("FunctionAssociations", []):
            name, attribute = association["FunctionARN"]["Fn::GetAtt"]
            assert (association["EventType"], attribute) == ("viewer-request", "FunctionARN")
            code = self._resources[name]["Properties"]["FunctionCode"]
            parts = urlsplit(request.url)
            changed = _run(code, json.dumps({"method": request.method, "uri": parts.path}))
            request = Request(request.method, changed + (f"?{parts.query}" if parts.query else ""), request.headers)
        return request

    def _cache_policy(self, behaviour: dict[str, Any]) -> dict[str, Any]:
        """Return the bounds in seconds, and the headers and query strings in the key."""
        named = behaviour["CachePolicyId"]
        if isinstance(named, str):
            return {"Headers": [], "QueryStrings": "none", **MANAGED_CACHE_POLICIES[named]}
        config = self._resources[named["Ref"]]["Properties"]["CachePolicyConfig"]
        inside = config["ParametersInCacheKeyAndForwardedToOrigin"]
        assert inside["CookiesConfig"] == {"CookieBehavior": "none"}
        return {
            "MinTTL": config["MinTTL"],
            "DefaultTTL": config["DefaultTTL"],
            "MaxTTL": config["MaxTTL"],
            "Headers": inside["HeadersConfig"].get("Headers", []),
            "QueryStrings": inside["QueryStringsConfig"]["QueryStringBehavior"],
        }

    def _key(self, behaviour: dict[str, Any], policy: dict[str, Any], request: Request) -> tuple[Any, ...]:
        headers = tuple(request.headers.get(name.lower()) for name in policy["Headers"])
        query = urlencode(request.query) if policy["QueryStrings"] == "all" else ""
        return behaviour["TargetOriginId"], request.method, request.path, query, headers

    def _origin_request(self, behaviour: dict[str, Any], policy: dict[str, Any], request: Request) -> Request:
        [origin] = [each for each in self._config["Origins"] if each["Id"] == behaviour["TargetOriginId"]]
        in_key = {name.lower() for name in policy["Headers"]}
        everything = behaviour.get("OriginRequestPolicyId") == ALL_VIEWER_EXCEPT_HOST
        assert everything or "OriginRequestPolicyId" not in behaviour, "a policy that the model does not know"
        sent = {
            name: value for name, value in request.headers.items() if name in in_key or (everything and name != "host")
        }
        sent.setdefault("host", origin["DomainName"])
        for header in origin.get("OriginCustomHeaders", []):
            sent[header["HeaderName"].lower()] = header["HeaderValue"]
        query = urlencode(request.query) if everything or policy["QueryStrings"] == "all" else ""
        return Request(request.method, request.path + (f"?{query}" if query else ""), sent)

    def _seconds(self, policy: dict[str, Any], answer: Answer) -> float:
        """Return how long an answer is kept."""
        told = _told(answer.cache_control)
        if answer.status < 400:
            return float(policy["DefaultTTL"] if told is None else min(max(policy["MinTTL"], told), policy["MaxTTL"]))
        least = {
            int(each["ErrorCode"]): each.get("ErrorCachingMinTTL", ERRORS_ARE_KEPT)
            for each in self._config.get("CustomErrorResponses", [])
        }
        if answer.status in KEPT_ALWAYS or (answer.status in KEPT_IF_TOLD and told):
            return float(max(least.get(answer.status, ERRORS_ARE_KEPT), told or 0))
        return 0.0


def _told(cache_control: str | None) -> float | None:
    """Return how many seconds Cache-Control allows a shared cache; None where it says nothing."""
    directives = [each.strip() for each in (cache_control or "").split(",")]
    if {"no-store", "no-cache", "private"} & set(directives):
        return 0
    for name in ("s-maxage", "max-age"):
        for each in directives:
            if each.startswith(f"{name}="):
                return float(each.split("=")[1])
    return None


@cache
def _run(code: str, request: str) -> str:
    """Return the path that a function of CloudFront makes of a request."""
    node = compute_driver_executable()[0]
    script = f"{code}\nprocess.stdout.write(handler({{request: {request}}}).uri);"
    ran = subprocess.run([str(node), "-e", script], capture_output=True, text=True, check=True)
    return ran.stdout
