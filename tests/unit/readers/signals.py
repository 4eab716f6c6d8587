"""An AWS that answers as botocore's models and AWS's guide have it, made of rows that a test writes down.

It counts as AWS's agent does: a call under each set of dimensions that it has all names of.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, Response, request

NAMESPACE = "ApplicationSignals"
METRICS = {"LATENCY": "Latency", "FAULT": "Fault", "ERROR": "Error"}
NOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Row:
    """Calls of a minute that a service served (no `remote`) or made."""

    service: str
    remote: str = ""
    calls: int = 1
    faults: int = 0
    ms: float = 10.0  # each call took so long
    operation: str = "GET /"
    remote_operation: str = "GET /x"
    remote_type: str = "Service"
    resource: str = ""
    environment: str = "generic:default"
    minute: datetime = NOON

    @property
    def labels(self) -> dict[str, str]:
        said = {"Environment": self.environment, "Service": self.service, "Operation": self.operation}
        if self.remote:
            said |= {"RemoteService": self.remote, "RemoteOperation": self.remote_operation}
        return said | ({"RemoteResourceIdentifier": self.resource} if self.resource else {})

    def value(self, metric: str, statistic: str) -> float:
        if metric == "Fault":
            return float(self.faults)
        return {"SampleCount": float(self.calls), "Sum": self.calls * self.ms}.get(statistic, self.ms)


@dataclass
class FakeAws:
    """`wide` offers the dimensions without operations, too. `page` things a page, every other one empty."""

    rows: Sequence[Row] = ()
    spans: Sequence[dict[str, Any]] | None = None
    traces: Sequence[Sequence[dict[str, Any]]] = ()
    wide: bool = True
    page: int = 1
    empty_pages: bool = True
    unlisted: frozenset[str] = frozenset()
    calls: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app = Flask(__name__)
        for path, answer in {
            "/services": self._services,
            "/service-dependencies": self._dependencies,
            "/": self._targeted,
            "/TraceSummaries": self._summaries,
            "/Traces": self._traces,
        }.items():
            self.app.add_url_rule(path, path, answer, methods=["GET", "POST"])

    def asked(self, operation: str) -> list[Any]:
        return [told for name, told in self.calls if name == operation]

    def _paged(self, found: Sequence[Any], token: str, name: str, out: str = "NextToken") -> dict[str, Any]:
        """An empty page before each one that holds something."""
        number = int(token or 0)
        step = 2 if self.empty_pages else 1
        start = number // step * self.page
        is_empty = bool(number % step == 0 and self.empty_pages)
        held = [] if is_empty else found[start : start + self.page]
        last = max(1, math.ceil(len(found) / self.page)) * step - 1
        return {name: held, **({out: str(number + 1)} if number < last else {})}

    def _hours(self) -> tuple[datetime, datetime]:
        start, end = (datetime.fromisoformat(request.args[name]) for name in ("StartTime", "EndTime"))
        nearest = [(one + HOUR / 2).replace(minute=0, second=0, microsecond=0) for one in (start, end)]
        return nearest[0], nearest[1]

    def _listed(self) -> list[Row]:
        start, end = self._hours()
        return [row for row in self.rows if start <= row.minute < end and row.service not in self.unlisted]

    def _references(self, row: Row) -> Iterator[dict[str, Any]]:
        narrow = row.labels if row.remote else {name: row.labels[name] for name in ("Environment", "Service")}
        wide = {name: value for name, value in row.labels.items() if "Operation" not in name}
        for labels in [narrow, wide] if self.wide and row.remote else [narrow]:
            dimensions = [{"Name": name, "Value": value} for name, value in labels.items()]
            for kind, metric in METRICS.items():
                yield {
                    "Namespace": NAMESPACE,
                    "MetricType": kind,
                    "MetricName": metric,
                    "Dimensions": dimensions,
                }

    def _answer(self, told: dict[str, Any]) -> Response:
        return Response(json.dumps(told), content_type="application/json")

    def _services(self) -> Response:
        self.calls.append(("ListServices", dict(request.args)))
        keys = {(row.service, row.environment): row for row in self._listed()}
        found = [
            {
                "KeyAttributes": {"Type": "Service", "Name": name, "Environment": environment},
                "AttributeMaps": [],
                "MetricReferences": list(self._references(Row(name, environment=environment))),
            }
            for name, environment in keys
        ]
        hours = dict(zip(("StartTime", "EndTime"), (one.timestamp() for one in self._hours()), strict=True))
        return self._answer(hours | self._paged(found, request.args.get("NextToken", ""), "ServiceSummaries"))

    def _dependencies(self) -> Response:
        key = json.loads(request.get_data())["KeyAttributes"]
        self.calls.append(("ListServiceDependencies", key))
        made = [
            row
            for row in self._listed()
            if row.remote and (row.service, row.environment) == (key["Name"], key["Environment"])
        ]
        found = [
            {
                "OperationName": row.operation,
                "DependencyKeyAttributes": {
                    "Type": row.remote_type,
                    "Name": row.remote,
                    "Environment": row.environment,
                },
                "DependencyOperationName": row.remote_operation,
                "MetricReferences": list(self._references(row)),
            }
            for row in {str(row.labels): row for row in made}.values()
        ]
        hours = dict(zip(("StartTime", "EndTime"), (one.timestamp() for one in self._hours()), strict=True))
        return self._answer(
            hours | self._paged(found, request.args.get("NextToken", ""), "ServiceDependencies")
        )

    def _targeted(self) -> Response:
        target = request.headers["X-Amz-Target"]
        return self._metric_data() if target.endswith("GetMetricData") else self._filter_log_events()

    def _metric_data(self) -> Response:
        asked = json.loads(request.get_data())
        for name in ("StartTime", "EndTime"):
            asked[name] = datetime.fromtimestamp(asked[name], UTC)
        self.calls.append(("GetMetricData", asked))
        token, queries = asked.get("NextToken", ""), asked["MetricDataQueries"]
        assert len(queries) <= 500
        results = [self._result(query, asked) for query in queries]
        return self._answer(self._paged(results, token, "MetricDataResults") | {"Messages": []})

    def _result(self, query: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        stat = query["MetricStat"]
        wanted = {(one["Name"], one["Value"]) for one in stat["Metric"]["Dimensions"]}
        is_call = any(name == "RemoteService" for name, _ in wanted)
        points: dict[int, float] = {}
        for row in self.rows:
            inside = asked["StartTime"] <= row.minute < asked["EndTime"]
            if inside and bool(row.remote) is is_call and wanted <= set(row.labels.items()):
                period = int((row.minute - asked["StartTime"]).total_seconds()) // stat["Period"]
                value = row.value(stat["Metric"]["MetricName"], stat["Stat"])
                points[period] = points.get(period, 0.0) + value
        moments = [asked["StartTime"].timestamp() + one * stat["Period"] for one in points]
        return {
            "Id": query["Id"],
            "Label": "x",
            "StatusCode": "Complete",
            "Timestamps": moments,
            "Values": list(points.values()),
        }

    def _filter_log_events(self) -> Response:
        asked = json.loads(request.get_data())
        self.calls.append(("FilterLogEvents", asked))
        if self.spans is None:
            refusal = {
                "__type": "ResourceNotFoundException",
                "message": "The specified log group does not exist.",
            }
            return Response(json.dumps(refusal), 400, content_type="application/x-amz-json-1.1")
        found = [
            {
                "eventId": str(number),
                "message": json.dumps(span),
                "timestamp": span["endTimeUnixNano"] // 10**6,
            }
            for number, span in enumerate(self.spans)
            if asked["startTime"] <= span["endTimeUnixNano"] // 10**6 <= asked["endTime"]
        ]
        return self._answer(self._paged(found, asked.get("nextToken", ""), "events", out="nextToken"))

    def _summaries(self) -> Response:
        asked = json.loads(request.get_data())
        self.calls.append(("GetTraceSummaries", asked))
        found = [
            {
                "Id": documents[0]["trace_id"],
                "ServiceIds": [{"Name": one["name"]} for one in documents if one.get("type") is None],
            }
            for documents in self.traces
            if any(f'service("{one["name"]}")' in asked["FilterExpression"] for one in documents)
        ]
        return self._answer(self._paged(found, asked.get("NextToken", ""), "TraceSummaries"))

    def _traces(self) -> Response:
        ids = json.loads(request.get_data())["TraceIds"]
        self.calls.append(("BatchGetTraces", ids))
        held = [
            {
                "Id": documents[0]["trace_id"],
                "Segments": [{"Id": one["id"], "Document": json.dumps(one)} for one in documents],
            }
            for documents in self.traces
            if documents[0]["trace_id"] in ids
        ]
        return self._answer({"Traces": held, "UnprocessedTraceIds": []})


def span(
    trace: int,
    number: int,
    parent: int,
    service: str,
    kind: str,
    *,
    at: datetime = NOON,
    ms: float = 10.0,
    status: int = 0,
    failed: bool = False,
    **attributes: Any,
) -> dict[str, Any]:
    """An event of the log group aws/spans."""
    end = int(at.timestamp() * 1000) * 10**6
    return {
        "resource": {"attributes": {"service.name": service}},
        "scope": {"name": "test"},
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": "GET",
        "kind": kind,
        "startTimeUnixNano": end - int(ms * 1e6),
        "endTimeUnixNano": end,
        "durationNano": int(ms * 1e6),
        "attributes": {name.replace("_", "."): value for name, value in attributes.items()}
        | ({"http.response.status_code": status} if status else {}),
        "status": {"code": "ERROR" if failed else "UNSET"},
    }
