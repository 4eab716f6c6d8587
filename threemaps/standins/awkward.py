"""A local AWS as awkward as the real one can be, for tests: THREEMAPS_AWS_AWKWARD names in which ways.

A layer around the answers of the local AWS, behind the check of signatures:

- `pages`: lists come in small pages, an empty one before each;
- `throttle`: of each operation the first call of four is refused, and answered when it comes again;
- `lag`, or `lag:SECONDS`: nothing newer than a minute is answered;
- `unprocessed`: BatchGetTraces leaves each id unprocessed when it is first asked for;
- `tenants`: another application lives in the account, with services, calls, a sampling rule and a log group;
- `index`, or `index:PERCENT`: X-Ray indexes one trace in a hundred, as Transaction Search does of itself.
"""

import itertools
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import orjson
from werkzeug.wrappers import Request, Response

from threemaps.errors import UserError
from threemaps.standins.aws_errors import AwsError
from threemaps.standins.tenants import Tenants

VARIABLE = "THREEMAPS_AWS_AWKWARD"
WAYS = ("pages", "throttle", "lag", "unprocessed", "tenants", "index")
LAG = 60.0
INDEXED = 1.0  # percent
LONG_AGO = 365 * 24 * 3600.0
THROTTLED_OF = 4
PAGES = 10  # at most so many with something in them
KEPT = 200  # lists that are being read

# Path, or operation of an X-Amz-Target → the list in its answer, and the field that names the next page.
PAGED = {
    "/ServiceGraph": ("Services", "NextToken"),
    "/TraceSummaries": ("TraceSummaries", "NextToken"),
    "/Groups": ("Groups", "NextToken"),
    "/GetSamplingRules": ("SamplingRuleRecords", "NextToken"),
    "/SamplingStatisticSummaries": ("SamplingStatisticSummaries", "NextToken"),
    "/services": ("ServiceSummaries", "NextToken"),
    "/service-dependencies": ("ServiceDependencies", "NextToken"),
    "GetMetricData": ("MetricDataResults", "NextToken"),
    "FilterLogEvents": ("events", "nextToken"),
    "DescribeLogGroups": ("logGroups", "nextToken"),
    "DescribeLogStreams": ("logStreams", "nextToken"),
    "DescribeResourcePolicies": ("resourcePolicies", "nextToken"),
}
TIMES = {
    "StartTime": 1.0,
    "EndTime": 1.0,
    "startTime": 1000.0,
    "endTime": 1000.0,
}  # and their unit in a second
SENDING = ("/TraceSegments", "/SamplingTargets", "PutLogEvents")

Operate = Callable[[Request], Response]


def parse_ways(environ: Mapping[str, str]) -> dict[str, str]:
    """Way → what stands behind its colon. Raises UserError."""
    words = [word.strip() for word in environ.get(VARIABLE, "").split(",") if word.strip()]
    ways = {name: argument for name, _, argument in (word.partition(":") for word in words)}
    unknown = sorted(set(ways) - set(WAYS))
    if unknown:
        raise UserError(f"{VARIABLE}: {unknown[0]!r} is no way to be awkward", hint=f"use {', '.join(WAYS)}")
    return ways


class Awkward:
    """In the place of the function that answers a request whose signature is good."""

    def __init__(self, operate: Operate, ways: Mapping[str, str], tenants: Tenants) -> None:
        self._operate = operate
        self._ways = ways
        self._tenants = tenants
        self._calls: Counter[str] = Counter()
        self._refused: set[tuple[str, bytes, bytes]] = set()
        self._lists: dict[str, tuple[dict[str, Any], list[list[Any]]]] = {}
        self._asked: set[str] = set()
        self._lag = float(ways.get("lag") or LAG) if "lag" in ways else 0.0

    def answer(self, request: Request) -> Response:
        name = request.headers.get("X-Amz-Target", "").rpartition(".")[2] or request.path
        if "tenants" in self._ways:
            self._tenants.live()
        if "throttle" in self._ways and name not in SENDING:
            self._throttle(name, request)
        if self._lag:
            request = self._held_back(request)
        if name == "/Traces" and "unprocessed" in self._ways:
            return self._unprocessed(request)
        return (
            self._paged(name, request) if "pages" in self._ways and name in PAGED else self._operate(request)
        )

    def _throttle(self, name: str, request: Request) -> None:
        number = self._calls[name]
        self._calls[name] += 1
        question = (name, request.query_string, request.get_data())
        if question in self._refused:
            self._refused.remove(question)
        elif number % THROTTLED_OF == 0:
            self._refused.add(question)
            code = (
                "ThrottledException"
                if name in ("/ServiceGraph", "/TraceSummaries")
                else "ThrottlingException"
            )
            raise AwsError(code, "Rate exceeded", 429 if name.startswith("/") else 400)

    def _held_back(self, request: Request) -> Request:
        """Asks for what is older than the lag."""
        body = parsed(request)
        for name, unit in TIMES.items():
            if isinstance(body.get(name), int | float):
                body[name] = min(body[name], (time.time() - self._lag) * unit)
        for start, end in (("StartTime", "EndTime"), ("startTime", "endTime")):
            if start in body and end in body and body[start] >= body[end]:
                body[start] -= LONG_AGO * TIMES[start]
                body[end] = body[start] + TIMES[start]
        return with_body(request, body) if body else request

    def _unprocessed(self, request: Request) -> Response:
        body = parsed(request)
        ids = body.get("TraceIds") or []
        new = [one for one in ids if one not in self._asked]
        self._asked.update(ids)
        response = self._operate(
            with_body(request, {**body, "TraceIds": [one for one in ids if one not in new]})
        )
        document = orjson.loads(response.get_data())
        document["UnprocessedTraceIds"] = [*(document.get("UnprocessedTraceIds") or []), *new]
        return changed(response, document)

    def _paged(self, name: str, request: Request) -> Response:
        key, token_name = PAGED[name]
        token = request.args.get(token_name) or parsed(request).get(token_name)
        if token not in self._lists:
            token = secrets.token_hex(8)
            self._lists[token] = self._whole(key, token_name, request)
        document, pages = self._lists.pop(token)
        response = Response(content_type="application/json")
        following = secrets.token_hex(8)
        if len(pages) > 1:
            self._lists[following] = document, pages[1:]
            for old in list(itertools.islice(self._lists, max(0, len(self._lists) - KEPT))):
                del self._lists[old]
        more = {token_name: following} if len(pages) > 1 else {}
        return changed(response, {**document, key: pages[0], **more})

    def _whole(self, key: str, token_name: str, request: Request) -> tuple[dict[str, Any], list[list[Any]]]:
        """The answer without its list, and the list in pages."""
        found: list[Any] = []
        document: dict[str, Any] = {}
        while True:
            document = orjson.loads(self._operate(request).get_data())
            found += document.pop(key)
            token = document.pop(token_name, None)
            if not token:
                break
            request = with_token(request, token_name, token)
        size = max(1, len(found) // PAGES)
        held = [found[first : first + size] for first in range(0, len(found), size)]
        return document, [page for full in held for page in ([], full)] or [[]]


def parsed(request: Request) -> dict[str, Any]:
    try:
        body = orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def with_token(request: Request, name: str, token: str) -> Request:
    if request.method == "GET" or request.path.startswith("/service"):
        return remade(request, request.get_data(), urlencode({**request.args.to_dict(), name: token}))
    return with_body(request, {**parsed(request), name: token})


def with_body(request: Request, body: Mapping[str, Any]) -> Request:
    return remade(request, orjson.dumps(body), request.query_string.decode())


def remade(request: Request, body: bytes, query: str) -> Request:
    environ = dict(request.environ)
    environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)), "QUERY_STRING": query}
    environ.pop("HTTP_CONTENT_ENCODING", None)
    return Request(environ, populate_request=False)


def changed(response: Response, document: Mapping[str, Any]) -> Response:
    response.set_data(orjson.dumps(document))
    return response
