"""A TracerProvider set up by hand, as the bootcamp's journals do."""

from tests.component.doctor.breakages.case import BY_HAND, Case, edited

GRPC_EXPORTER = ("proto.http.trace_exporter", "proto.grpc.trace_exporter")
SETUP = BY_HAND[BY_HAND.index("provider = ") : BY_HAND.index("app = Flask")]


def by_hand(
    name: str, says: str, *edits: tuple[str, str], quick: bool = False, heals: bool = True, **more: str
) -> Case:
    return Case(name, says, edited(BY_HAND, *edits), variables=more, quick=quick, heals=heals)


CASES = [
    by_hand(
        "no processor", r"add_span_processor", ("provider.add_span_processor(processor)\n", ""), quick=True
    ),
    by_hand(
        "never made global", r"set_tracer_provider", ("trace.set_tracer_provider(provider)\n", ""), quick=True
    ),
    by_hand(
        "another app is instrumented",
        r"app\.py:\d+.*instrument",
        (
            "RequestsInstrumentor().instrument()\n",
            "RequestsInstrumentor().instrument()\napp = Flask(__name__)\n",
        ),
        quick=True,
    ),
    by_hand(
        "instrument() after the app was made",
        r"instrument_app\(app\)",
        ("FlaskInstrumentor().instrument_app(app)", "FlaskInstrumentor().instrument()"),
    ),
    by_hand("no instrumentor", r"instrument_app\(app\)", ("FlaskInstrumentor().instrument_app(app)\n", "")),
    by_hand(
        "console only",
        r"console",
        ("import BatchSpanProcessor", "import BatchSpanProcessor, ConsoleSpanExporter"),
        ("BatchSpanProcessor(OTLPSpanExporter())", "BatchSpanProcessor(ConsoleSpanExporter())"),
    ),
    by_hand(
        "endpoint without a path", r"/v1/traces", ("OTLPSpanExporter()", 'OTLPSpanExporter(endpoint="HTTP")')
    ),
    by_hand("gRPC to an HTTP port", r"grpc|gRPC", GRPC_EXPORTER),
    by_hand(
        "HTTP to a gRPC port",
        r"grpc|gRPC",
        ("OTLPSpanExporter()", 'OTLPSpanExporter(endpoint="GRPC/v1/traces")'),
    ),
    by_hand(
        "sampler off in the code",
        r"app\.py:\d+.*(sampler|ALWAYS_OFF|AlwaysOff)",
        (
            "import TracerProvider\n",
            "import TracerProvider\nfrom opentelemetry.sdk.trace.sampling import ALWAYS_OFF\n",
        ),
        ("TracerProvider()", "TracerProvider(sampler=ALWAYS_OFF)"),
    ),
    by_hand(
        "sampled at 0",
        r"app\.py:\d+.*(0|sampl)",
        (
            "import TracerProvider\n",
            "import TracerProvider\nfrom opentelemetry.sdk.trace.sampling import TraceIdRatioBased\n",
        ),
        ("TracerProvider()", "TracerProvider(sampler=TraceIdRatioBased(0))"),
    ),
    by_hand(
        "an empty provider came first",
        r"second|already|first|refused",
        (
            "provider = TracerProvider()",
            "trace.set_tracer_provider(TracerProvider())\nprovider = TracerProvider()",
        ),
    ),
    by_hand(
        "excluded in the code",
        r"exclude",
        ("instrument_app(app)", 'instrument_app(app, excluded_urls=".*")'),
    ),
    by_hand(
        "set up in a function that nobody calls",
        r"TracerProvider|provider",
        (
            SETUP,
            indented := (
                "def setup_tracing():\n"
                + "".join(f"    {line}\n" if line else "\n" for line in SETUP.strip().splitlines()[:-1])
                + "\n\ntracer = trace.get_tracer(__name__)\n\n"
            ),
        ),
    ),
    by_hand(
        "shut down again",
        r"shut(s the TracerProvider)? ?down",
        ("app = Flask(__name__)", "provider.shutdown()\napp = Flask(__name__)"),
    ),
    by_hand(
        "its processor shut down",
        r"shuts the span processor down",
        (
            "trace.set_tracer_provider(provider)\n",
            "trace.set_tracer_provider(provider)\nprocessor.shutdown()\n",
        ),
    ),
    by_hand(
        "an app that is instrumented no more",
        r"is not instrumented",
        ("RequestsInstrumentor().instrument()\n", "FlaskInstrumentor().uninstrument_app(app)\n"),
        heals=False,
    ),
    by_hand(
        "made global in the first request",
        r"only during the first request",
        ("trace.set_tracer_provider(provider)\n", ""),
        (
            "@app.route",
            "@app.before_request\ndef late():\n    trace.set_tracer_provider(provider)\n\n\n@app.route",
        ),
    ),
    by_hand(
        "flushed in ten minutes",
        r"600|10 min|ten min",
        (
            "BatchSpanProcessor(OTLPSpanExporter())",
            "BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=600_000)",
        ),
    ),
    by_hand(
        "an import that fails quietly",
        r"htttp|trace_exporterr|No module|ModuleNotFound|import",
        (
            "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter\n",
            "",
        ),
        (
            SETUP,
            "try:\n"
            "    from opentelemetry.exporter.otlp.proto.htttp.trace_exporter import OTLPSpanExporter\n\n"
            "    provider = TracerProvider()\n"
            "    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))\n"
            "    trace.set_tracer_provider(provider)\nexcept ImportError:\n    pass\n"
            "tracer = trace.get_tracer(__name__)\n\n",
        ),
    ),
    by_hand(
        "a span that nobody ends",
        r"end",
        ("FlaskInstrumentor().instrument_app(app)\n", "from opentelemetry.trace import SpanKind\n"),
        (
            '    with tracer.start_as_current_span("home"):\n        return',
            '    tracer.start_span("home", kind=SpanKind.SERVER)\n    return',
        ),
    ),
    by_hand("turned off by a variable", r"OTEL_SDK_DISABLED", OTEL_SDK_DISABLED="true"),
    by_hand(
        "no key in the headers",
        r"x-honeycomb-team|HONEYCOMB_API_KEY",
        (
            "OTLPSpanExporter()",
            'OTLPSpanExporter(endpoint="HONEYCOMB/v1/traces", '
            'headers={"x-honeycomb-team": os.environ.get("HONEYCOMB_API_KEY", "")})',
        ),
    ),
    by_hand(
        "the header's name is wrong",
        r"x-honeycomb-team",
        (
            "OTLPSpanExporter()",
            'OTLPSpanExporter(endpoint="HONEYCOMB/v1/traces", headers={"x-honeycomb-key": "INGEST_KEY"})',
        ),
    ),
    by_hand(
        "an unknown key in the code",
        r"key",
        (
            "OTLPSpanExporter()",
            'OTLPSpanExporter(endpoint="HONEYCOMB/v1/traces", headers={"x-honeycomb-team": "hcaik_'
            + "01hx7" * 11
            + 'abc"})',
        ),
    ),
    Case(
        "set up under __main__ and served by flask run",
        r"provider|TracerProvider",
        edited(
            BY_HAND,
            ("trace.set_tracer_provider(provider)\n", ""),
            (
                'if __name__ == "__main__":\n',
                'if __name__ == "__main__":\n    trace.set_tracer_provider(provider)\n',
            ),
        ),
        command="flask --app app run --port PORT",
    ),
]
