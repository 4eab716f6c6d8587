"""Somebody else's service, broken in every way we know, and healed by typing what the doctor says."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask import Flask

from tests.component.doctor.conftest import Environ
from tests.component.doctor.workshop import APP, Workshop, follow
from tests.conftest import Serve
from threemaps.doctor.check import Check, until_broken
from threemaps.doctor.observe import verdict
from threemaps.doctor.recorder import Recorder
from threemaps.doctor.service import check_service, standing_checks
from threemaps.doctor.subject import from_command
from threemaps.doctor.visit import Asked
from threemaps.doctor.wire import Answer, ask
from threemaps.errors import UserError

STANDIN = "http://127.0.0.1:8081"
RIGHT = "opentelemetry-instrument python app.py"


@dataclass(frozen=True)
class Broken:
    """How it is broken, and words that the first line has to have."""

    name: str
    says: str
    command: str = RIGHT
    variables: dict[str, str] = field(default_factory=dict)
    edit: tuple[str, str] = ("", "")  # in app.py
    files: dict[str, str] = field(default_factory=dict)


BY_HAND = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
app = Flask(__name__)
FlaskInstrumentor().instrument_app(app)
"""
GRPC = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
GUNICORN = "gunicorn --bind 127.0.0.1:0 app:app"

TABLE = [
    Broken("no launcher", "does not start under opentelemetry-instrument", command="python app.py"),
    Broken(
        "no launcher in a shell",
        "does not start under opentelemetry-instrument",
        command=f"sh -c 'exec {GUNICORN}'",
    ),
    Broken("reloader in the code", "app.py:14", edit=("app.run(", "app.run(debug=True, ")),
    Broken("reloader by flag", "--debug", command="opentelemetry-instrument flask --app app run --debug"),
    Broken("reloader of a module", "--debug", command="opentelemetry-instrument python -m flask run --debug"),
    Broken(
        "reloader by variable",
        "FLASK_DEBUG",
        command="opentelemetry-instrument flask --app app run",
        variables={"FLASK_DEBUG": "1"},
    ),
    Broken("preload", "--preload", command=f"opentelemetry-instrument {GUNICORN} --preload"),
    Broken(
        "preload by variable",
        "GUNICORN_CMD_ARGS",
        command=f"opentelemetry-instrument {GUNICORN}",
        variables={"GUNICORN_CMD_ARGS": "--preload"},
    ),
    Broken(
        "preload by file",
        "gunicorn.conf.py",
        command=f"opentelemetry-instrument {GUNICORN}",
        files={"gunicorn.conf.py": "preload_app = True\n"},
    ),
    Broken("second provider", "second TracerProvider", edit=("app = Flask(__name__)\n", BY_HAND)),
    Broken(
        "misspelled variable",
        "OTEL_EXPORTER_OLTP_ENDPOINT is read by nobody",
        variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_EXPORTER_OLTP_ENDPOINT": "RECORDER"},
    ),
    Broken("disabled", "OTEL_SDK_DISABLED", variables={"OTEL_SDK_DISABLED": "true"}),
    Broken("exporter none", "OTEL_TRACES_EXPORTER=none", variables={"OTEL_TRACES_EXPORTER": "none"}),
    Broken(
        "exporter by flag",
        "OTEL_TRACES_EXPORTER=console",
        command="opentelemetry-instrument --traces_exporter console python app.py",
    ),
    Broken(
        "unknown exporter", "'jaeger' is no installed exporter", variables={"OTEL_TRACES_EXPORTER": "jaeger"}
    ),
    Broken("sampler off", "always_off", variables={"OTEL_TRACES_SAMPLER": "always_off"}),
    Broken(
        "sampled to nothing",
        "OTEL_TRACES_SAMPLER_ARG=0",
        variables={"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"},
    ),
    Broken("unknown sampler", "always_oon", variables={"OTEL_TRACES_SAMPLER": "always_oon"}),
    Broken(
        "instrumentation off",
        "turns off the instrumentation of flask",
        variables={"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask"},
    ),
    Broken("gRPC to an HTTP port", "speaks http/protobuf", variables={"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}),
    Broken("HTTP to a gRPC port", "speaks grpc", variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "RECORDER_GRPC"}),
    Broken("unknown protocol", "http/json", variables={"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}),
    Broken("no scheme", "lacks its scheme", variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "RECORDER_BARE"}),
    Broken(
        "path twice",
        "adds the path itself",
        variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "RECORDER/v1/traces"},
    ),
    Broken("quotes", "quotes in its value", variables={"OTEL_EXPORTER_OTLP_ENDPOINT": '"RECORDER"'}),
    Broken("colon in a header", "a colon where", variables={"OTEL_EXPORTER_OTLP_HEADERS": "x-tenant: one"}),
    Broken("no name", "unknown_service", variables={"OTEL_SERVICE_NAME": ""}),
    Broken(
        "env file that nobody loads",
        "OTEL_SERVICE_NAME stands in .env",
        variables={"OTEL_SERVICE_NAME": ""},
        files={".env": "OTEL_SERVICE_NAME=shop\n"},
    ),
    Broken("no propagators", "no trace goes on", variables={"OTEL_PROPAGATORS": "none"}),
    Broken("unknown propagator", "'b3' is not installed", variables={"OTEL_PROPAGATORS": "b3,baggage"}),
    Broken("unknown distro", "'aws_distro' is not", variables={"OTEL_PYTHON_DISTRO": "aws_distro"}),
    Broken("all excluded", "every address", variables={"OTEL_PYTHON_FLASK_EXCLUDED_URLS": "healthz,/"}),
    Broken("excluded by no pattern", "no regular", variables={"OTEL_PYTHON_EXCLUDED_URLS": "*"}),
    Broken("sent in an hour", "every 3600 s", variables={"OTEL_BSP_SCHEDULE_DELAY": "3600000"}),
    Broken("sent without a pause", "above 0", variables={"OTEL_BSP_SCHEDULE_DELAY": "0"}),
    Broken("sent before now", "above 0", variables={"OTEL_BSP_SCHEDULE_DELAY": " -1"}),
    Broken(
        "a scheme that is none",
        "a scheme that nobody knows, htp",
        variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "htp://RECORDER_BARE"},
    ),
    Broken(
        "a scheme that is none, over gRPC",
        "speaks no TLS",
        variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "htp://RECORDER_GRPC_BARE"} | GRPC,
    ),
    Broken(
        "a blank behind the endpoint",
        "has blanks in it",
        variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "RECORDER "},
    ),
    Broken(
        "a line's end behind the endpoint",
        "has blanks in it",
        variables={"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "RECORDER_GRPC\n"} | GRPC,
    ),
    Broken(
        "gRPC without scheme",
        "speaks no TLS",
        variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "RECORDER_GRPC_BARE"} | GRPC,
    ),
    Broken(
        "TLS by a variable",
        "speaks no TLS",
        variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "RECORDER_GRPC", "OTEL_EXPORTER_OTLP_INSECURE": "false"}
        | GRPC,
    ),
    Broken(
        "protocol for traces",
        "speaks http/protobuf",
        variables={"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"},
    ),
    Broken(
        "protocol of the exporter",
        "speaks http/protobuf",
        variables={"OTEL_TRACES_EXPORTER": "otlp_proto_grpc"},
    ),
    Broken(
        "protocol in the code",
        "speaks http/protobuf",
        command="python app.py",
        edit=("app = Flask(__name__)\n", BY_HAND.replace("proto.http", "proto.grpc")),
    ),
    *(
        Broken(f"endpoint {value}", says, variables={"OTEL_EXPORTER_OTLP_ENDPOINT": value})
        for value, says in (
            ("http:/RECORDER_BARE", "is no address"),
            ("http:///RECORDER_BARE", "is no address"),
            ("HTTP:RECORDER_BARE", "is no address"),
            ("//RECORDER_BARE", "lacks its scheme"),
            ("otlp:/RECORDER_BARE", "a scheme that nobody knows"),
        )
    ),
    Broken("blank endpoint", "and blank", variables={"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "   "}),
    *(
        Broken(f"{name}={value}", f"{name}={value}", variables={name: value})
        for name, value in (
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "-5"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "nan"),
        )
    ),
    Broken("large batch", "holds no batch of 9999", variables={"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "9999"}),
    Broken(
        "no number over gRPC",
        "is no number of seconds",
        variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "RECORDER_GRPC", "OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}
        | GRPC,
    ),
    Broken(
        "gRPC through a proxy",
        "https_proxy sends what is meant for",
        variables={
            "OTEL_EXPORTER_OTLP_ENDPOINT": "RECORDER_GRPC",
            "https_proxy": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "*",
        }
        | GRPC,
    ),
    Broken(
        "localhost through a proxy",
        "HTTP_PROXY sends what is meant for",
        variables={"HTTP_PROXY": "http://proxy.example:3128", "NO_PROXY": "example.com"},
    ),
    Broken("https to http", "no TLS", variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "https://RECORDER_BARE"}),
    Broken("header in JSON", "is JSON", variables={"OTEL_EXPORTER_OTLP_HEADERS": '{"x-tenant": "one"}'}),
    Broken("header without =", "equals sign", variables={"OTEL_EXPORTER_OTLP_HEADERS": "x-tenant one"}),
    Broken("quoted header", "quotes around", variables={"OTEL_EXPORTER_OTLP_HEADERS": "x-tenant='one'"}),
    Broken("semicolons", "a semicolon", variables={"OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=one;x-b=c"}),
]


def settle(text: str, recorder: Recorder) -> str:
    bare = recorder.http_url.removeprefix("http://")
    return (
        text.replace("RECORDER_GRPC_BARE", recorder.grpc_url.removeprefix("http://"))
        .replace("RECORDER_GRPC", recorder.grpc_url)
        .replace("RECORDER_BARE", bare)
        .replace("RECORDER", recorder.http_url)
    )


def diagnose(words: list[str], environ: dict[str, str], folder: Path) -> list[Check]:
    """Everything but running it."""
    subject = from_command(words, environ, folder)
    return until_broken(standing_checks(subject, STANDIN), subject)


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_first_line_names_the_fault_and_its_advice_heals(
    case: Broken, workshop: Workshop, recorder: Recorder, environ: Environ, folder: Path
) -> None:
    app = folder / "app.py"
    app.write_text(app.read_text().replace(*case.edit) if case.edit[0] else app.read_text())
    for name, text in case.files.items():
        (folder / name).write_text(text)
    variables = {name: settle(value, recorder) for name, value in case.variables.items()}
    broken_environ = environ(workshop, **variables)

    words = shlex.split(case.command)
    found = diagnose(words, broken_environ, folder)[-1]
    assert not found.ok
    assert case.says in found.detail

    typed = found.next_step.replace("x-honeycomb-team=YOUR_KEY", "x-tenant=one")
    healed = follow(typed, words, broken_environ, folder)
    assert [check for check in diagnose(*healed, folder) if not check.ok] == []


LONG = "a" * 64


@pytest.mark.parametrize(
    "address",
    [*(f"127.0.0.1:{port}" for port in ("43l8", "99999", ":1", "4318]")), "otel..local:4318", f"{LONG}.io"],
)
def test_an_endpoint_that_is_none_is_named(
    workshop: Workshop, environ: Environ, folder: Path, address: str
) -> None:
    wrong = environ(workshop, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{address}")
    assert "is no address" in diagnose(RIGHT.split(), wrong, folder)[-1].detail


def test_a_launcher_that_is_not_on_the_path(workshop: Workshop, environ: Environ, folder: Path) -> None:
    words = ["opentelemetry-instrument", str(workshop.bin / "python"), "app.py"]
    outside = environ(workshop, PATH="/usr/bin:/bin")
    found = diagnose(words, outside, folder)[-1]
    assert "no opentelemetry-instrument on the PATH" in found.detail
    healed = follow(found.next_step, words, outside, folder)
    assert [check for check in diagnose(*healed, folder) if not check.ok] == []


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        (
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "many",
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT must be a non-negative integer but got many",
        ),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-3", "max_queue_size must be a positive integer."),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "1s", "could not convert string to float: '1s'"),
    ],
)
def test_why_the_launcher_failed_is_told(
    workshop: Workshop, environ: Environ, folder: Path, name: str, value: str, reason: str
) -> None:
    said = "Failed to auto initialize OpenTelemetry\nTraceback (most recent call last):\n"
    said += f"ValueError: {reason}\n * Serving"
    with Recorder() as nothing:
        service = from_command(RIGHT.split(), environ(workshop, **{name: value}), folder)
        found = verdict(service, nothing, Asked(("http://127.0.0.1:1/",)), 0, said)
    assert reason in found.detail
    assert found.next_step == f"unset {name}"


@pytest.mark.parametrize(
    ("variables", "works"),
    [
        ({"HTTPS_PROXY": "http://127.0.0.1:9"}, True),
        ({"http_proxy": "http://127.0.0.1:9", "https_proxy": "socks5://127.0.0.1:9"}, True),
        ({"all_proxy": "http://127.0.0.1:9"}, True),
        ({"grpc_proxy": "http://127.0.0.1:9", "no_grpc_proxy": "127.0.0.1"}, True),
        (
            {"grpc_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1", "no_grpc_proxy": "example.org"},
            False,
        ),
    ],
)
def test_grpc_has_rules_of_its_own_for_proxies(
    workshop: Workshop,
    environ: Environ,
    recorder: Recorder,
    folder: Path,
    variables: dict[str, str],
    works: bool,
) -> None:
    proxied = environ(workshop, OTEL_EXPORTER_OTLP_ENDPOINT=recorder.grpc_url, **GRPC, **variables)
    assert diagnose(RIGHT.split(), proxied, folder)[-1].ok is works


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
@pytest.mark.parametrize("is_up", [True, False])
def test_a_port_of_another_program(
    workshop: Workshop,
    environ: Environ,
    recorder: Recorder,
    folder: Path,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    is_up: bool,
) -> None:
    """Told where the collector is; and to start it, if it is not up."""
    monkeypatch.setenv("THREEMAPS_URL_OTLP_HTTP", recorder.http_url if is_up else "http://127.0.0.1:9")
    path = "/v1/traces" if "TRACES" in variable else ""
    wrong = environ(workshop, **{variable: serve(Flask("another")) + path})
    found = diagnose(RIGHT.split(), wrong, folder)[-1]
    assert "takes no spans" in found.detail
    assert found.next_step.startswith("threemaps up && export ") is not is_up
    healed = follow(found.next_step.removeprefix("threemaps up && "), RIGHT.split(), wrong, folder)
    left = [check.next_step for check in diagnose(*healed, folder) if not check.ok]
    assert left == ([] if is_up else ["threemaps up"])


def test_right_service_is_run_and_stopped(workshop: Workshop, environ: Environ, folder: Path) -> None:
    subject = from_command(RIGHT.split(), environ(workshop), folder)
    checks = check_service(subject, STANDIN)
    assert [check.detail for check in checks if not check.ok] == []
    assert checks[-1].detail == "spans arrived: 1 of shop"


@pytest.mark.parametrize("host", ["otel..local", LONG])
@pytest.mark.parametrize("secure", [True, False])
def test_nobody_answers_at_what_is_no_name(host: str, secure: bool) -> None:
    assert ask(host, 4318, secure, grpc=False) is Answer.SILENT


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("requirements.txt", "opentelemetry-distro>=99\n".encode("utf-16"), "asks for opentelemetry-distro"),
        ("requirements.txt", b"# caf\xe9\nopentelemetry-distro>=99\n", "asks for opentelemetry-distro"),
        ("gunicorn.conf.py", b"# caf\xe9\npreload_app = True\n", "gunicorn.conf.py loads the app"),
        ("Dockerfile", b'# caf\xe9\nCMD ["python\n', "spans arrived"),
        ("app.py", APP.encode() + b"x = " + b"-" * 5000 + b"1\n", "does not start under"),
    ],
)
def test_files_in_any_encoding_and_depth(
    workshop: Workshop, environ: Environ, folder: Path, name: str, content: bytes, says: str
) -> None:
    (folder / "docker-compose.yml").write_text("services: {shop: {build: .}}")
    (folder / name).write_bytes(content)
    command = "python app.py" if name == "app.py" else f"opentelemetry-instrument {GUNICORN}"
    checks = check_service(from_command(command.split(), environ(workshop), folder), STANDIN)
    assert says in checks[-1].detail


@pytest.mark.parametrize(
    ("script", "runs"),
    [
        ("cd . && exec python app.py", ["python", "app.py"]),
        ("python -c 'import a; import b'", ["python", "-c", "import a; import b"]),
        ('echo a;\npython app.py --greet "a && b";', ["python", "app.py", "--greet", "a && b"]),
    ],
)
def test_the_last_command_of_a_script_is_the_service(script: str, runs: list[str], folder: Path) -> None:
    assert list(from_command(["sh", "-c", script], {}, folder).argv) == runs


def test_a_quote_that_nobody_closes_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match="no closing quotation"):
        from_command(["sh", "-c", "python 'app.py"], {}, folder)
