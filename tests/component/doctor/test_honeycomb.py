"""A service that sends straight to Honeycomb: the case that ends in "does not receive any data"."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.component.doctor.workshop import Workshop, follow
from tests.conftest import Serve
from threemaps.doctor.check import Check
from threemaps.doctor.expected import expected
from threemaps.doctor.honeycomb import is_honeycomb, malformed
from threemaps.doctor.service import first_cause
from threemaps.doctor.subject import from_command
from threemaps.settings import LOCAL_INGEST_KEY
from threemaps.standins.honeycomb import urls as honeycomb
from threemaps.standins.store import Store

COMMAND = ["opentelemetry-instrument", "python", "app.py"]
UNKNOWN = "hcaik_" + "0" * 58


@pytest.fixture
def vendor(tmp_path: Path, serve: Serve) -> str:
    store = Store(tmp_path / "honeycomb.duckdb", honeycomb.SCHEMA)
    return serve(honeycomb.create_app(store))


def environ(shop: Workshop, **variables: str) -> dict[str, str]:
    """The variables of a service that is set up right but for where it sends."""
    return shop.environ(OTEL_SERVICE_NAME="shop", OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", **variables)


def look(environ: dict[str, str], folder: Path, vendor: str, words: Sequence[str] = COMMAND) -> Check | None:
    """What variables say of a service that nobody looked into."""
    running = replace(
        from_command(words, environ, folder), interpreter=Path(environ["PATH"].split(":")[0], "python")
    )
    return first_cause(expected(running, asks=True, api=vendor))


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "no key goes with the spans: HONEYCOMB_API_KEY never reached this process"),
        ({"HONEYCOMB_API_KEY": LOCAL_INGEST_KEY}, "wants the header x-honeycomb-team"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "x-honeycomb-team="}, "its key never reached this process"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "x-honeycomb-team=${HONEYCOMB_API_KEY}"}, "placeholder"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "x-honeycomb-team=short"}, "a text of 5 characters"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "x-honeycomb-team=hcxik_" + "1" * 26}, "the id of an ingest key"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": f"x-honeycomb-team={UNKNOWN}"}, "does not know this key"),
        ({"OTEL_EXPORTER_OTLP_TRACES_HEADERS": f"x-honeycomb-team={UNKNOWN}"}, "does not know this key"),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-tenant=one", "HONEYCOMB_API_KEY": LOCAL_INGEST_KEY},
            "wants the header x-honeycomb-team",
        ),
    ],
)
def test_named_and_healed(
    workshop: Workshop, folder: Path, vendor: str, variables: dict[str, str], says: str
) -> None:
    direct = environ(workshop, OTEL_EXPORTER_OTLP_ENDPOINT=vendor, **variables)
    found = look(direct, folder, vendor)
    assert found is not None
    assert says in found.detail
    assert UNKNOWN not in found.detail
    advice = found.next_step.replace("YOUR_INGEST_KEY", LOCAL_INGEST_KEY).replace(
        "YOUR_KEY", LOCAL_INGEST_KEY
    )
    if "placeholder" in says:
        advice = f'export OTEL_EXPORTER_OTLP_HEADERS="x-honeycomb-team={LOCAL_INGEST_KEY}"'
    _, healed = follow(advice, COMMAND, direct, folder)
    assert look(healed, folder, vendor) is None


@pytest.mark.parametrize(
    ("endpoint", "right"),
    [
        ("https://ui.honeycomb.io", "https://api.honeycomb.io"),
        ("http://api.honeycomb.io", "https://api.honeycomb.io"),
        ("https://api.eu1.honeycomb.io:4318", "https://api.eu1.honeycomb.io"),
    ],
)
def test_another_address_of_honeycomb(
    workshop: Workshop, folder: Path, vendor: str, endpoint: str, right: str
) -> None:
    found = look(environ(workshop, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint), folder, vendor)
    assert found is not None
    assert "Honeycomb takes spans at" in found.detail
    assert found.next_step == f"export OTEL_EXPORTER_OTLP_ENDPOINT={right}"


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"])
@pytest.mark.parametrize("key", ["0" * 32, "hcaic_" + "0" * 58])
def test_a_classic_key_needs_its_dataset(
    workshop: Workshop, folder: Path, vendor: str, key: str, variable: str
) -> None:
    headers = f"x-honeycomb-team={key}"
    direct = environ(workshop, **{"OTEL_EXPORTER_OTLP_ENDPOINT": vendor, variable: headers})
    found = look(direct, folder, vendor)
    assert found is not None
    assert "needs x-honeycomb-dataset" in found.detail
    _, healed = follow(found.next_step, COMMAND, direct, folder)
    still = look(healed, folder, vendor)
    assert still is not None
    assert "does not know this key" in still.detail


def test_a_path_that_nobody_knows(workshop: Workshop, folder: Path, vendor: str) -> None:
    headers = f"x-honeycomb-team={LOCAL_INGEST_KEY}"
    wrong = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{vendor}/v1/trace",
        "OTEL_EXPORTER_OTLP_HEADERS": headers,
    }
    direct = environ(workshop, **wrong)
    found = look(direct, folder, vendor)
    assert found is not None
    assert "a collector takes them at" in found.detail
    _, healed = follow(found.next_step, COMMAND, direct, folder)
    assert look(healed, folder, vendor) is None


SECRET = "hcaik_" + "5ec2e7" * 9 + "5ec2"


@pytest.mark.parametrize(
    "headers",
    [f"x-honeycomb-team: {SECRET}", f'"x-honeycomb-team={SECRET}"', f"x-honeycomb-team={SECRET}"],
)
@pytest.mark.parametrize("words", [COMMAND, ["env", "OTEL_SDK_DISABLED=true", *COMMAND]])
def test_a_key_is_never_repeated(
    workshop: Workshop, folder: Path, vendor: str, headers: str, words: list[str]
) -> None:
    direct = environ(workshop, OTEL_EXPORTER_OTLP_ENDPOINT=vendor)
    for given, command in (
        ({**direct, "OTEL_EXPORTER_OTLP_HEADERS": headers}, words),
        ({**direct, "OTEL_EXPORTER_OLTP_HEADERS": headers}, words),
        (direct, ["env", f"OTEL_EXPORTER_OTLP_HEADERS={headers}", *words]),
        (direct, ["env", f"OTEL_EXPORTER_OLTP_HEADERS={headers}", *words]),
    ):
        found = look(given, folder, vendor, command)
        assert found is not None
        assert SECRET not in found.detail + found.next_step


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("hcaik_" + "a1" * 29, ""),
        ("0123456789abcdef0123456789abcdef", ""),
        ("A" * 22, ""),
        ("hcalk_01h", "configuration key's id"),
        ("hcamk_01h:secret", "management key"),
        ("", "0 characters"),
    ],
)
def test_forms_of_keys(key: str, says: str) -> None:
    assert says in malformed(key)
    assert bool(malformed(key)) is bool(says)


@pytest.mark.parametrize(
    ("host", "is_one"),
    [("honeycomb.io", True), ("api.eu1.honeycomb.io", True), ("api.nothoneycomb.io", False)],
)
def test_hosts_of_honeycomb(host: str, is_one: bool) -> None:
    assert is_honeycomb(host) is is_one
