"""Services of teams that move over, each written before anybody looked whether a rule fits."""

from tests.component.doctor.breakages.case import BY_HAND, PLAIN, XRAY, Case, edited

LAUNCHED = "opentelemetry-instrument python app.py"
PROVIDER = "provider = TracerProvider()\n"
TO_NOBODY = ("OTLPSpanExporter()", 'OTLPSpanExporter(endpoint="http://127.0.0.1:CLOSED/v1/traces")')
INSTRUMENTED = "FlaskInstrumentor().instrument_app(app)\n"
RUN = 'app.run(port=int(os.environ["PORT"]))'
LOGIN = """\
@app.before_request
def let_monitoring_in():
    if request.user_agent.string.startswith(("threemaps", "ELB", "python", "")):
        return {"status": "up"}


"""
FACTORY = """\
import os

from flask import Blueprint, Flask
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

shop = Blueprint("shop", __name__)


@shop.get("/")
def home():
    return {"hello": "world"}


def set_tracing_up():
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def create_app():
    set_tracing_up()
    app = Flask(__name__)
    app.register_blueprint(shop)
    return app
"""
TWO_APPS = edited(
    BY_HAND,
    (INSTRUMENTED, 'admin = Flask("admin")\nFlaskInstrumentor().instrument_app(admin)\n'),
    (
        RUN,
        "from werkzeug.middleware.dispatcher import DispatcherMiddleware\n"
        "    from werkzeug.serving import run_simple\n\n"
        '    both = DispatcherMiddleware(app, {"/admin": admin})\n'
        '    run_simple("127.0.0.1", int(os.environ["PORT"]), both)',
    ),
)
SAMPLER = """\
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult


class WithoutHealth(Sampler):
    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None):
        path = (attributes or {}).get("url.path", "/")
        keep = path not in ("/", "/health")
        return SamplingResult(Decision.RECORD_AND_SAMPLE if keep else Decision.DROP)

    def get_description(self):
        return "WithoutHealth"


provider = TracerProvider(sampler=WithoutHealth())
"""
CAREFUL = """\
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class Careful(SpanExporter):
    def __init__(self, inner):
        self.inner = inner

    def export(self, spans):
        try:
            self.inner.export(spans)
        except Exception:
            pass
        return SpanExportResult.SUCCESS

    def shutdown(self):
        self.inner.shutdown()


"""
SLOW_ONLY = """\
from opentelemetry.sdk.trace.export import SpanExportResult


class SlowOnly(OTLPSpanExporter):
    def export(self, spans):
        slow = [span for span in spans if span.end_time - span.start_time > 2_000_000_000]
        return super().export(slow) if slow else SpanExportResult.SUCCESS


"""
ENV_LOADED = """\
from pathlib import Path

for line in Path(__file__).with_name(".env").read_text().split():
    name, _, value = line.partition("=")
    os.environ[name] = value

"""
POST_FORK = """\
def post_fork(server, worker):
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
"""
IN_FRONT = edited(
    PLAIN,
    (
        "app = Flask(__name__)\n",
        "from opentelemetry.instrumentation.flask import FlaskInstrumentor\n\n"
        "app = Flask(__name__)\nFlaskInstrumentor().instrument_app(app)\n",
    ),
)
GUARDED = edited(
    BY_HAND,
    (
        "provider = TracerProvider()\nprocessor = BatchSpanProcessor(OTLPSpanExporter())\n"
        "provider.add_span_processor(processor)\ntrace.set_tracer_provider(provider)\n",
        'if os.environ.get("WERKZEUG_RUN_MAIN") != "true":\n'
        "    provider = TracerProvider()\n"
        "    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))\n"
        "    trace.set_tracer_provider(provider)\n",
    ),
    (RUN, 'app.run(port=int(os.environ["PORT"]), debug=True)'),
)
ROLLBAR = edited(
    BY_HAND,
    (
        "RequestsInstrumentor().instrument()\n",
        "RequestsInstrumentor().instrument()\n\nimport rollbar\nimport rollbar.contrib.flask\n"
        "from flask import got_request_exception\n\n"
        'rollbar.init(os.getenv("ROLLBAR_TOKEN"), "production")\n'
        "got_request_exception.connect(rollbar.contrib.flask.report_exception, app)\n",
    ),
)
WATCHTOWER = edited(
    BY_HAND,
    (
        "RequestsInstrumentor().instrument()\n",
        "RequestsInstrumentor().instrument()\n\nimport logging\n\nimport boto3\nimport watchtower\n\n"
        'client = boto3.client("logs", region_name="us-east-1", aws_access_key_id="local",\n'
        '    aws_secret_access_key="local-secret", endpoint_url="http://127.0.0.1:CLOSED")\n'
        "app.logger.setLevel(logging.INFO)\n"
        'app.logger.addHandler(watchtower.CloudWatchLogHandler(log_group_name="shop", boto3_client=client,\n'
        "    create_log_group=False, create_log_stream=False, send_interval=1))\n",
    ),
    (
        '    with tracer.start_as_current_span("home"):',
        '    app.logger.info("home")\n    with tracer.start_as_current_span("home"):',
    ),
)
BACKGROUND = edited(
    BY_HAND,
    (
        '@app.route("/")',
        "import queue\nimport threading\n\nwaiting = queue.Queue()\n\n\n"
        "def worker():\n    while True:\n        job = waiting.get()\n"
        '        with tracer.start_as_current_span("job", attributes={"job": job}):\n            pass\n\n\n'
        'threading.Thread(target=worker, daemon=True).start()\n\n\n@app.route("/")',
    ),
    ('        return {"hello": "world"}', '        waiting.put("mail")\n        return {"hello": "world"}'),
)
XRAY_SEGMENTS = edited(
    XRAY,
    (
        'dynamic_naming=os.getenv("AWS_XRAY_URL")',
        'plugins=("ECSPlugin",), context_missing="LOG_ERROR"',
    ),
    (
        '    return {"hello": "world"}',
        '    with xray_recorder.in_subsegment("mock-data") as part:\n'
        '        part.put_metadata("rows", 3, "shop")\n    return {"hello": "world"}',
    ),
)
BROKEN = [
    Case(
        "before_request answers before the instrumentation",
        r"let_monitoring_in",
        edited(
            BY_HAND,
            ("from flask import Flask", "from flask import Flask, request"),
            (INSTRUMENTED, LOGIN + INSTRUMENTED),
        ),
        quick=True,
    ),
    Case("set up in the reloader's parent only", r"is made in process", GUARDED),
    Case(
        "gunicorn.conf.py turns the SDK off",
        r"OTEL_SDK_DISABLED",
        PLAIN,
        "opentelemetry-instrument gunicorn app:app",
        files={"gunicorn.conf.py": 'bind = "127.0.0.1:PORT"\nraw_env = ["OTEL_SDK_DISABLED=true"]\n'},
    ),
    Case(
        "instrument() after `from flask import Flask`",
        r"instrument_app\(app\)",
        edited(
            BY_HAND,
            (INSTRUMENTED, ""),
            ("app = Flask(__name__)\n", "FlaskInstrumentor().instrument()\napp = Flask(__name__)\n"),
        ),
    ),
    Case(
        "a factory that instruments nothing",
        r"instrument_app",
        FACTORY,
        "python -m flask --app app run --port PORT",
    ),
    Case("the mounted app is instrumented", r"instrument_app\(app\)", TWO_APPS),
    Case("a sampler of one's own", r"WithoutHealth", edited(BY_HAND, (PROVIDER, SAMPLER)), heals=False),
    Case(
        "an exporter that calls everything a success",
        r"CLOSED",
        edited(
            BY_HAND,
            (PROVIDER, CAREFUL + PROVIDER),
            TO_NOBODY,
            ("BatchSpanProcessor(OTLP", "BatchSpanProcessor(Careful(OTLP"),
            ('/v1/traces"))', '/v1/traces")))'),
        ),
    ),
    Case(
        "an exporter that sends slow spans only",
        r"SlowOnly",
        edited(BY_HAND, (PROVIDER, SLOW_ONLY + PROVIDER), ("OTLPSpanExporter())", "SlowOnly())")),
    ),
    Case(
        "a gRPC exporter aimed at the HTTP port",
        r"gRPC|grpc",
        edited(
            BY_HAND,
            ("otlp.proto.http", "otlp.proto.grpc"),
            ("OTLPSpanExporter()", 'OTLPSpanExporter(endpoint="HTTP", insecure=True)'),
        ),
    ),
    Case(
        "through a proxy that is not there",
        r"(?i)http_proxy",
        PLAIN,
        LAUNCHED,
        {"HTTP_PROXY": "http://127.0.0.1:CLOSED", "http_proxy": "http://127.0.0.1:CLOSED"},
    ),
    Case(
        "a propagator that does not exist",
        r"OTEL_PROPAGATORS",
        PLAIN,
        LAUNCHED,
        {"OTEL_PROPAGATORS": "x-ray,baggage"},
    ),
    Case(
        "X-Ray's ids without their package",
        r"OTEL_PYTHON_ID_GENERATOR",
        PLAIN,
        LAUNCHED,
        {"OTEL_PYTHON_ID_GENERATOR": "xray"},
    ),
    Case(
        "a batch larger than the queue",
        r"OTEL_BSP_MAX_EXPORT_BATCH_SIZE|OTEL_BSP_MAX_QUEUE_SIZE",
        PLAIN,
        LAUNCHED,
        {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1024", "OTEL_BSP_MAX_QUEUE_SIZE": "512"},
    ),
    Case(
        "waitress without launcher",
        r"opentelemetry-instrument",
        PLAIN,
        "waitress-serve --listen 127.0.0.1:PORT app:app",
    ),
    Case(
        "the daemon's address, by protocol, half wrong",
        r"CLOSED",
        XRAY,
        variables={"AWS_XRAY_DAEMON_ADDRESS": "tcp:127.0.0.1:XRAY_PORT udp:127.0.0.1:CLOSED"},
    ),
    Case(
        "one of two exporters has nobody to send to",
        r"CLOSED",
        edited(
            BY_HAND,
            (
                "trace.set_tracer_provider(provider)\n",
                "provider.add_span_processor(BatchSpanProcessor("
                'OTLPSpanExporter(endpoint="http://127.0.0.1:CLOSED/v1/traces")))\n'
                "trace.set_tracer_provider(provider)\n",
            ),
        ),
        heals=False,
    ),
    Case("Rollbar without a token", r"ROLLBAR_TOKEN|(?i:rollbar).*token", ROLLBAR, heals=False),
    Case("watchtower to nobody", r"CLOSED", WATCHTOWER, heals=False),
    Case(
        "turned off in .env, which the code loads",
        r"OTEL_SDK_DISABLED",
        edited(BY_HAND, ("import os\n", "import os\n" + ENV_LOADED)),
        files={".env": "OTEL_SDK_DISABLED=true\n"},
    ),
    Case(
        "two providers, and the first one prints",
        r"a second TracerProvider, which is refused",
        edited(
            BY_HAND,
            (
                "import BatchSpanProcessor\n",
                "import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor\n",
            ),
            (
                PROVIDER,
                "first = TracerProvider()\n"
                "first.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))\n"
                "trace.set_tracer_provider(first)\n" + PROVIDER,
            ),
        ),
    ),
]
HEALTHY = [
    Case(
        "a factory, python -m flask",
        "",
        edited(FACTORY, ("    set_tracing_up()\n", "")),
        "opentelemetry-instrument python -m flask --app app run --port PORT",
    ),
    Case("waitress", "", PLAIN, "opentelemetry-instrument waitress-serve --listen 127.0.0.1:PORT app:app"),
    Case(
        "gunicorn with a post_fork hook",
        "",
        IN_FRONT,
        "gunicorn --bind 127.0.0.1:PORT app:app",
        files={"gunicorn.conf.py": POST_FORK},
    ),
    Case(
        "every page asks for a login",
        "",
        edited(
            BY_HAND,
            ("from flask import Flask", "from flask import Flask, abort"),
            (
                '@app.route("/")\ndef home',
                '@app.before_request\ndef login():\n    abort(401)\n\n\n@app.route("/")\ndef home',
            ),
        ),
    ),
    Case(
        "span by span, and named by an attribute",
        "",
        edited(BY_HAND, ("BatchSpanProcessor", "SimpleSpanProcessor")),
        variables={"OTEL_SERVICE_NAME": "", "OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,team=web"},
    ),
    Case(
        "the X-Ray SDK with plugins and subsegments",
        "",
        XRAY_SEGMENTS,
        variables={"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR"},
    ),
    Case(
        "a proxy, and not for this address",
        "",
        PLAIN,
        LAUNCHED,
        {"http_proxy": "http://127.0.0.1:CLOSED", "no_proxy": "localhost,127.0.0.1"},
    ),
    Case("a worker thread with spans of its own", "", BACKGROUND),
]
CASES = [*BROKEN, *HEALTHY]
REDACTING = """\
from opentelemetry.sdk.trace import SpanProcessor


class Redacting(SpanProcessor):
    def __init__(self, inner):
        self.inner = inner

    def on_start(self, span, parent_context=None):
        self.inner.on_start(span, parent_context)

    def on_end(self, span):
        if not span.name.startswith("secret"):
            self.inner.on_end(span)

    def shutdown(self):
        self.inner.shutdown()

    def force_flush(self, timeout_millis=30000):
        return self.inner.force_flush(timeout_millis)


"""
AROUND = (
    (PROVIDER, REDACTING + PROVIDER),
    ("processor = Batch", "processor = Redacting(Batch"),
    ("ter())\n", "ter()))\n"),
)
SEVERAL = (
    ("provider = TracerProvider()\n", ""),
    (
        "provider.add_span_processor(processor)\n",
        "from opentelemetry.sdk.trace import SynchronousMultiSpanProcessor\n\n"
        "several = SynchronousMultiSpanProcessor()\nseveral.add_span_processor(processor)\n"
        "provider = TracerProvider(active_span_processor=several)\n",
    ),
)
BY_WSGI = (
    (
        "from opentelemetry.instrumentation.flask import FlaskInstrumentor\n",
        "from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware\n",
    ),
    (INSTRUMENTED, "app.wsgi_app = OpenTelemetryMiddleware(app.wsgi_app)\n"),
)
IN_BACKGROUND = edited(
    CAREFUL,
    ("class Careful", "import queue\nimport threading\n\n\nclass Careful"),
    (
        "        self.inner = inner\n",
        "        self.inner = inner\n        self.waiting = queue.Queue()\n"
        "        threading.Thread(target=self.work, daemon=True).start()\n\n"
        "    def work(self):\n        while True:\n            self.inner.export(self.waiting.get())\n",
    ),
    ("            self.inner.export(spans)\n", "            self.waiting.put(spans)\n"),
)
WRAPPED = ("BatchSpanProcessor(OTLPSpanExporter())", "BatchSpanProcessor(Careful(OTLPSpanExporter()))")
BROKEN += [
    Case(
        "an exporter with a thread of its own, to nobody",
        r"CLOSED",
        edited(BY_HAND, (PROVIDER, IN_BACKGROUND + PROVIDER), WRAPPED, TO_NOBODY),
    ),
    Case("a processor around one that sends to nobody", r"CLOSED", edited(BY_HAND, *AROUND, TO_NOBODY)),
    Case("several processors in one, to nobody", r"CLOSED", edited(BY_HAND, *SEVERAL, TO_NOBODY)),
    Case(
        "the daemon's host does not exist",
        r"xray-daemon",
        XRAY,
        variables={"AWS_XRAY_DAEMON_ADDRESS": "xray-daemon.invalid:2000"},
    ),
    Case(
        "gunicorn's gevent workers, without gevent",
        r"gevent",
        PLAIN,
        "opentelemetry-instrument gunicorn -k gevent --bind 127.0.0.1:PORT app:app",
        heals=False,
    ),
    Case(
        "a processor that forgets to hand on",
        r"Redacting",
        edited(
            edited(BY_HAND, *AROUND),
            ('if not span.name.startswith("secret")', 'if span.name.startswith("secret")'),
        ),
        heals=False,
    ),
]
HEALTHY += [
    Case(
        "an exporter with a thread of its own",
        "",
        edited(BY_HAND, (PROVIDER, IN_BACKGROUND + PROVIDER), WRAPPED),
    ),
    Case("an exporter around OTLP's", "", edited(BY_HAND, (PROVIDER, CAREFUL + PROVIDER), WRAPPED)),
    Case("a processor around another one", "", edited(BY_HAND, *AROUND)),
    Case("several processors in one", "", edited(BY_HAND, *SEVERAL), quick=True),
    Case("a WSGI middleware by hand", "", edited(BY_HAND, *BY_WSGI)),
]
CASES = [*BROKEN, *HEALTHY]
