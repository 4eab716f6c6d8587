"""The pytest plugin, as somebody else's tests use it: in a process and a folder of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import clean_environment, free_ports
from threemaps.settings import PROJECT

# Spans of two services, made by hand: `call("a", "b")` is one call.
SENDING = """
import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

@pytest.fixture
def call(threemaps_system):
    key = {"x-honeycomb-team": "local-ingest-key"}

    def tracer(name):
        provider = TracerProvider(resource=Resource.create({"service.name": name}))
        exporter = OTLPSpanExporter(threemaps_system.otlp_endpoint + "/v1/traces", headers=key)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        return provider.get_tracer("test")

    def call(source, target):
        with tracer(source).start_as_current_span("call", kind=trace.SpanKind.CLIENT):
            with tracer(target).start_as_current_span("called", kind=trace.SpanKind.SERVER):
                pass

    return call
"""
Pytest = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_pytest(tmp_path: Path) -> Pytest:
    def run(test: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "test_it.py").write_text(test)
        environ = {
            **clean_environment(),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        environ.pop("PYTEST_ADDOPTS", None)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=170)

    return run


def test_exact_counts_pass_and_a_failure_lists_the_candidates(run_pytest: Pytest) -> None:
    done = run_pytest(
        SENDING
        + """
def test_as_expected(call, expect_edges, service_map):
    for _ in range(3):
        call("a", "b")
    expect_edges({("a", "b"): 3}, within=60)
    assert [str(node) for node in service_map.read().nodes] == ["a", "b"]

def test_what_was_sent_before_is_not_counted(call, expect_edges):
    call("a", "b")
    expect_edges({("a", "b"): 1}, within=60)

def test_too_few(call, expect_edges):
    call("a", "b")
    call("a", "c")
    call("b", "a")
    call("x", "b")
    call("x", "y")
    expect_edges({("a", "b"): 2}, within=3)
"""
    )
    assert "2 passed" in done.stdout, done.stdout
    assert "1 failed" in done.stdout
    for line in (
        "expected a → b with 2 calls within 3 s",
        "a → b: 1 calls, not 2",
        "a → c: goes to c, not to b",
        "b → a: the other way round",
        "x → b: comes from x, not from a",
        "x → y: has neither end",
    ):
        assert line in done.stdout, done.stdout


def test_without_a_span_it_says_where_to_send(run_pytest: Pytest) -> None:
    done = run_pytest("def test_nothing(expect_edges):\n    expect_edges({('a', 'b'): 1}, within=1)\n")
    assert "no span came within 1 s" in done.stdout
    assert "have to send to http://127.0.0.1:" in done.stdout


def test_where_nothing_of_it_is_used_it_imports_nothing(run_pytest: Pytest) -> None:
    done = run_pytest(
        "import sys\n"
        "def test_it():\n"
        "    assert not [name for name in sys.modules if name.startswith('threemaps.re')]\n"
    )
    assert "1 passed" in done.stdout, done.stdout


def test_the_example_of_the_docs(run_pytest: Pytest, tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "testing.md").read_text()
    service, test = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "shop.py").write_text(service)
    for port, free in zip(("5181", "5182"), free_ports(2), strict=True):
        test = test.replace(port, str(free))
    done = run_pytest(test)
    assert "1 passed" in done.stdout, done.stdout
