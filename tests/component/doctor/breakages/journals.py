"""Code of the bootcamp's first observability week as students write it, each with a slip of its own."""

from tests.component.doctor.breakages.case import Case, edited

HONEYCOMB = """\
from flask import Flask
from flask import request
import logging
import os
from datetime import datetime, timedelta, timezone

# HoneyComb ---------
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

# HoneyComb ---------
# Initialize tracing and an exporter that can send data to Honeycomb
provider = TracerProvider()
processor = BatchSpanProcessor(OTLPSpanExporter())
provider.add_span_processor(processor)

# Show this in the logs within the backend-flask app (STDOUT)
simple_processor = SimpleSpanProcessor(ConsoleSpanExporter())
provider.add_span_processor(simple_processor)

trace.set_tracer_provider(provider)
tracer = trace.get_tracer("home.activities")

app = Flask(__name__)

# HoneyComb ---------
# Initialize automatic instrumentation with Flask
FlaskInstrumentor().instrument_app(app)
RequestsInstrumentor().instrument()


@app.route("/", methods=['GET'])
def data_home():
    with tracer.start_as_current_span("home-activites-mock-data"):
        span = trace.get_current_span()
        now = datetime.now(timezone.utc).astimezone()
        span.set_attribute("app.now", now.isoformat())
        results = [{'uuid': '68f126b0', 'expires_at': (now + timedelta(days=5)).isoformat()}]
        span.set_attribute("app.result_lenght", len(results))
        return results, 200


if __name__ == "__main__":
    app.run(debug=True, port=int(os.environ["PORT"]))
"""
XRAY = """\
# X-RAY ----------
from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.ext.flask.middleware import XRayMiddleware

# X-RAY ----------
xray_url = os.getenv("AWS_XRAY_URL")
xray_recorder.configure(service='backend-flask', dynamic_naming=xray_url)
"""
WITH_XRAY = edited(
    HONEYCOMB,
    ("app = Flask(__name__)\n", XRAY + "\napp = Flask(__name__)\nXRayMiddleware(app, xray_recorder)\n"),
)
TO_HONEYCOMB = {"OTEL_EXPORTER_OTLP_ENDPOINT": "HONEYCOMB", "OTEL_SERVICE_NAME": "backend-flask"}
KEYED = TO_HONEYCOMB | {"OTEL_EXPORTER_OTLP_HEADERS": "x-honeycomb-team=INGEST_KEY"}
ROLLBAR = """\
@app.before_first_request
def init_rollbar():
    rollbar.init(os.getenv('ROLLBAR_ACCESS_TOKEN'), 'production')
"""
WATCHTOWER = """\
import watchtower

LOGGER = logging.getLogger(__name__)
LOGGER.setLevel(logging.DEBUG)
LOGGER.addHandler(watchtower.CloudWatchLogHandler(log_group='cruddur'))

app = Flask(__name__)
"""
CASES = [
    Case(
        "journal: the key is not in the container's variables",
        r"x-honeycomb-team",
        HONEYCOMB,
        variables=TO_HONEYCOMB,
    ),
    Case("journal: all right, with a misspelled attribute", "", HONEYCOMB, variables=KEYED),
    Case(
        "journal: middleware before the app",
        r"NameError.*app",
        edited(
            WITH_XRAY,
            (
                "XRayMiddleware(app, xray_recorder)\n",
                "",
            ),
        ).replace(
            "dynamic_naming=xray_url)\n", "dynamic_naming=xray_url)\nXRayMiddleware(app, xray_recorder)\n"
        ),
        variables=KEYED,
        heals=False,
    ),
    Case(
        "journal: no X-Ray daemon in the compose file",
        r"nobody listens for X-Ray's datagrams at 127\.0\.0\.1:CLOSED",
        WITH_XRAY,
        variables=KEYED | {"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:CLOSED"},
    ),
    Case(
        "journal: before_first_request, which Flask took away",
        r"before_first_request.*app_context",
        edited(
            HONEYCOMB,
            (
                "FlaskInstrumentor().instrument_app(app)\n",
                "import rollbar\n\n" + ROLLBAR + "\nFlaskInstrumentor().instrument_app(app)\n",
            ),
        ),
        variables=KEYED | {"ROLLBAR_ACCESS_TOKEN": "local-token"},
    ),
    Case(
        "journal: watchtower without credentials",
        r"[Cc]redentials|[Rr]egion",
        edited(HONEYCOMB, ("app = Flask(__name__)\n", WATCHTOWER)),
        variables=KEYED | {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nowhere"},
        heals=False,
    ),
    Case("journal: both, all right", "", WITH_XRAY, variables=KEYED),
]
