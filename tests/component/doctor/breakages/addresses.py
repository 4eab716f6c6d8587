"""Addresses and keys: what the exporter really sends, and to whom."""

from tests.component.doctor.breakages.case import BY_HAND, PLAIN, Case, edited

LAUNCHED = "opentelemetry-instrument python app.py"
TO_HONEYCOMB = {"OTEL_EXPORTER_OTLP_ENDPOINT": "HONEYCOMB"}


def aimed(name: str, says: str, endpoint: str, quick: bool = False, **more: str) -> Case:
    return Case(name, says, PLAIN, LAUNCHED, {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **more}, quick=quick)


def keyed(name: str, says: str, headers: str) -> Case:
    return Case(name, says, PLAIN, LAUNCHED, TO_HONEYCOMB | {"OTEL_EXPORTER_OTLP_HEADERS": headers})


CASES = [
    aimed("nobody there", r"CLOSED", "http://127.0.0.1:CLOSED", quick=True),
    aimed(
        "nobody there, over gRPC", r"CLOSED", "http://127.0.0.1:CLOSED", OTEL_EXPORTER_OTLP_PROTOCOL="grpc"
    ),
    aimed("a web page", r"PAGE|404|no collector", "PAGE"),
    aimed("no such host", r"collector\.invalid", "http://collector.invalid:4318"),
    aimed("TLS to a plain port", r"TLS|https", "https://HTTP_BARE"),
    aimed("the path twice", r"/v1/traces", "HTTP/v1/traces"),
    keyed("no key", r"x-honeycomb-team", ""),
    keyed("an unknown key", r"key", "x-honeycomb-team=hcaik_" + "01hx7" * 11 + "abc"),
    keyed("only the id of a key", r"id", "x-honeycomb-team=hcaik_" + "01hx7" * 5 + "q"),
    keyed("a key in quotes", r"quot", 'x-honeycomb-team="INGEST_KEY"'),
    keyed("a colon", r"colon|=", "x-honeycomb-team:INGEST_KEY"),
    keyed("an empty variable", r"empty|x-honeycomb-team", "x-honeycomb-team="),
    Case(
        "nobody there, by hand",
        r"CLOSED",
        edited(
            BY_HAND, ("OTLPSpanExporter()", 'OTLPSpanExporter(endpoint="http://127.0.0.1:CLOSED/v1/traces")')
        ),
    ),
    Case(
        "by default, and no collector",
        r"4318",
        BY_HAND,
        variables={"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        heals=False,
    ),
]
