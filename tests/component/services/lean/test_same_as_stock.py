"""The lean instrumentation leaves the same trace as OpenTelemetry's own packages."""

from collections.abc import Callable

import requests

from tests.component.services.recorder import CLIENT, SERVER, Recorder, Span
from tests.component.services.running import Services
from tests.component.services.test_requests import callers

# What the collector names callees by, what X-Ray's documents and the pages show.
READ_BY_OTHERS = (
    *("http.request.method", "http.response.status_code", "http.route", "url.scheme", "url.full"),
    "error.type",
)


def shape(spans: list[Span], services: Services) -> list[str]:
    """What has to be the same: services, names, kinds, links, failures, and the attributes that are read."""
    by_id = {span.span_id: span for span in spans}
    told = [
        repr(
            (
                span.service,
                span.name,
                span.kind,
                by_id[span.parent_id].name if span.parent_id else "",
                span.failed,
                *(span.attributes.get(name) for name in READ_BY_OTHERS),
                # The stock package for Flask writes the port into the address as well.
                str(span.attributes.get("server.address")).partition(":")[0],
            )
        )
        for span in spans
    ]
    for name, service in services.running.items():
        told = [text.replace(service.url, name) for text in told]
    return sorted(told)


def test_the_same_trace_as_the_stock_packages(
    new_services: Callable[..., Services], services: Services, recorder: Recorder
) -> None:
    lean = new_services(THREEMAPS_INSTRUMENTATION="lean")
    for path, count in (("/api/activities/home", 8), ("/api/users/nobody", 3)):
        stock_id, lean_id = (
            requests.get(f"{which.edge}{path}").headers["X-Trace-Id"] for which in (services, lean)
        )
        stock_trace, lean_trace = recorder.trace(stock_id, count), recorder.trace(lean_id, count)
        assert shape(lean_trace, lean) == shape(stock_trace, services)
        assert callers(lean_trace) == callers(stock_trace)


def test_what_has_no_route_is_called_after_its_method_alone(
    new_services: Callable[..., Services], recorder: Recorder
) -> None:
    edge = new_services("frontend_api", THREEMAPS_INSTRUMENTATION="lean").edge
    (span,) = recorder.trace(requests.get(f"{edge}/nowhere?a=b").headers["X-Trace-Id"], 1)
    assert (span.name, span.failed, span.attributes["http.response.status_code"]) == ("GET", False, 404)


def test_no_answer_is_a_failed_call_with_its_exception(
    new_services: Callable[..., Services], recorder: Recorder
) -> None:
    alone = new_services("frontend_api", THREEMAPS_INSTRUMENTATION="lean")
    answer = requests.get(f"{alone.edge}/api/activities/home")
    assert answer.status_code == 503
    spans = recorder.trace(answer.headers["X-Trace-Id"], 2)
    (client,) = [span for span in spans if span.kind == CLIENT]
    (server,) = [span for span in spans if span.kind == SERVER]
    assert client.failed
    assert client.events == ("exception",)
    assert server.failed
    assert server.attributes["http.response.status_code"] == 503


def test_health_checks_leave_no_span_and_strangers_decide_nothing(
    new_services: Callable[..., Services], recorder: Recorder
) -> None:
    lean = new_services(THREEMAPS_INSTRUMENTATION="lean")
    for query in ("", "?", "?from=balancer"):
        assert requests.get(f"{lean.edge}/api/health{query}").headers["X-Trace-Id"] == "0" * 32
    foreign = "21111111222222223333333344444444"
    told = requests.get(
        f"{lean.edge}/api/users/andrew", headers={"traceparent": f"00-{foreign}-5555555555555555-00"}
    )
    assert told.headers["X-Trace-Id"] != foreign
    assert len(recorder.trace(told.headers["X-Trace-Id"], 3)) == 3
