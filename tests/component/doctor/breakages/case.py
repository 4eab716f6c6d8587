"""One service, how it is started, and what the doctor has to say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """`says` is a pattern for the doctor's first line; empty for a healthy service.

    In code, command and variables stand `PORT`, `HTTP` and `GRPC` (a collector), `HONEYCOMB`, `CLOSED` (a
    port where nobody listens), `PAGE` (a web server that is no collector) and `INGEST_KEY`.
    """

    name: str
    says: str
    code: str
    command: str = "python app.py"
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    heals: bool = True  # what it says, followed, makes the spans arrive
    quick: bool = False  # belongs to the sample that `make test` runs


def edited(code: str, *edits: tuple[str, str]) -> str:
    """The code with pieces replaced, each of which has to be there."""
    for old, new in edits:
        assert old in code, old
        code = code.replace(old, new)
    return code


PLAIN = """\
import os

from flask import Flask

app = Flask(__name__)


@app.get("/")
def home():
    return {"hello": "world"}


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
"""

BY_HAND = """\
import os

from flask import Flask
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
processor = BatchSpanProcessor(OTLPSpanExporter())
provider.add_span_processor(processor)
trace.set_tracer_provider(provider)
tracer = trace.get_tracer(__name__)

app = Flask(__name__)
FlaskInstrumentor().instrument_app(app)
RequestsInstrumentor().instrument()


@app.route("/")
def home():
    with tracer.start_as_current_span("home"):
        return {"hello": "world"}


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
"""

XRAY = """\
import os

from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.ext.flask.middleware import XRayMiddleware
from flask import Flask

app = Flask(__name__)
xray_recorder.configure(service="backend-flask", dynamic_naming=os.getenv("AWS_XRAY_URL"))
XRayMiddleware(app, xray_recorder)


@app.route("/")
def home():
    return {"hello": "world"}


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
"""

BOTH = edited(
    BY_HAND,
    (
        "import os\n",
        "import os\n\nfrom aws_xray_sdk.core import xray_recorder\n"
        "from aws_xray_sdk.ext.flask.middleware import XRayMiddleware\n",
    ),
    (
        "RequestsInstrumentor().instrument()\n",
        "RequestsInstrumentor().instrument()\n"
        'xray_recorder.configure(service="backend-flask")\nXRayMiddleware(app, xray_recorder)\n',
    ),
)
