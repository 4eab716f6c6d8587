"""SDKs handed the wrong thing: a class, None, another provider, arguments that they refuse."""

from tests.component.doctor.breakages.case import BOTH, BY_HAND, PLAIN, XRAY, Case, edited

LAUNCHED = "opentelemetry-instrument python app.py"
RUN = 'app.run(port=int(os.environ["PORT"]))'
QUIET = """\
class Quiet(BatchSpanProcessor):
    def on_end(self, span):
        if (span.attributes or {}).get("important"):
            super().on_end(span)


provider = TracerProvider()"""
MUTE = """\
class Mute:
    def send_entity(self, entity):
        pass

    def set_daemon_address(self, address):
        pass


xray_recorder.configure(emitter=Mute())
XRayMiddleware(app"""
CHILD = """\
import os
import subprocess
import sys

server = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:" + os.environ["PORT"], "shop:app"]
subprocess.run(server, env={"PATH": os.environ["PATH"]})
"""
DAEMON = """\
from threading import Thread

    Thread(target=app.run, kwargs={"port": int(os.environ["PORT"])}, daemon=True).start()"""


def hand(name: str, says: str, *edits: tuple[str, str], quick: bool = False, **variables: str) -> Case:
    return Case(name, says, edited(BY_HAND, *edits), variables=variables, quick=quick)


CASES = [
    hand(
        "an exporter's class",
        "hands over the class OTLPSpanExporter",
        ("OTLPSpanExporter()", "OTLPSpanExporter"),
    ),
    hand(
        "a provider's class",
        "hands over the class TracerProvider",
        ("set_tracer_provider(provider)", "set_tracer_provider(TracerProvider)"),
    ),
    hand(
        "what instrument_app() returns",
        "which is None, in the place of app",
        ("FlaskInstrumentor().instrument_app(app)", "app = FlaskInstrumentor().instrument_app(app)"),
        quick=True,
    ),
    hand(
        "instrumented with another provider",
        r"belongs to the TracerProvider of app\.py:\d+",
        ("instrument_app(app)", "instrument_app(app, tracer_provider=TracerProvider())"),
        ('    with tracer.start_as_current_span("home"):\n        return', "    return"),
    ),
    hand(
        "a processor that keeps spans back",
        "Quiet.*does not hand the span on",
        ("provider = TracerProvider()", QUIET),
        ("processor = BatchSpanProcessor(", "processor = Quiet("),
    ),
    hand(
        "shut down with each request",
        "shuts the TracerProvider down with the first request",
        ("@app.route", "@app.teardown_request\ndef done(error):\n    provider.shutdown()\n\n\n@app.route"),
    ),
    hand(
        "a queue that holds no batch",
        "max_queue_size",
        (
            "BatchSpanProcessor(OTLPSpanExporter())",
            "BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=100)",
        ),
    ),
    hand(
        "the path of another signal",
        "a collector takes them at .*/v1/traces",
        ("OTLPSpanExporter()", 'OTLPSpanExporter(endpoint="HTTP/v1/logs")'),
    ),
    hand(
        "an address that the code sets",
        r"CLOSED.*app\.py:3",
        (
            "import os\n",
            'import os\n\nos.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://localhost:CLOSED"\n',
        ),
    ),
    hand(
        "a name that is set too late",
        r"OTEL_SERVICE_NAME was set behind app\.py:\d+",
        ("app = Flask(__name__)", 'os.environ["OTEL_SERVICE_NAME"] = "shop"\napp = Flask(__name__)'),
        OTEL_SERVICE_NAME="",
    ),
    hand("served by a daemon thread", "a daemon thread ends with it", (RUN, DAEMON)),
    Case("an emitter that sends nothing", "emitter", edited(XRAY, ("XRayMiddleware(app", MUTE))),
    Case(
        "a segment that nobody ends",
        r"begun at app\.py:\d+ is never ended",
        edited(
            XRAY,
            ("XRayMiddleware(app, xray_recorder)\n", ""),
            ('    return {"hello"', '    xray_recorder.begin_segment("home")\n    return {"hello"'),
        ),
    ),
    Case(
        "a file of rules that is not there",
        "refuses what app.py:8 gives it",
        edited(XRAY, ('"backend-flask"', '"backend-flask", sampling_rules="/nope/rules.json"')),
    ),
    hand(
        "arguments on lines of their own",
        "every 3600 s",
        (
            "BatchSpanProcessor(OTLPSpanExporter())",
            "BatchSpanProcessor(\n    OTLPSpanExporter(),\n    schedule_delay_millis=3_600_000,\n)",
        ),
    ),
    Case(
        "both, X-Ray turned off",
        "AWS_XRAY_SDK_ENABLED",
        BOTH,
        variables={"AWS_XRAY_SDK_ENABLED": "False"},
    ),
    Case(
        "a child with an environment of its own",
        "an environment of its own",
        CHILD,
        LAUNCHED,
        files={"shop.py": PLAIN},
    ),
    Case(
        "env -i in a script",
        "an environment of its own",
        PLAIN,
        "opentelemetry-instrument bash start.sh",
        files={"start.sh": 'exec env -i PATH="$PATH" "PORT=$PORT" python app.py\n'},
        heals=False,  # the variables of the test's environment stay out in any case
    ),
    Case(
        "a variable in a script's command",
        r"CLOSED.*start\.sh:1",
        PLAIN,
        "bash start.sh",
        files={"start.sh": f"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:CLOSED {LAUNCHED}\n"},
    ),
    *(
        Case(f"address {wrong}", says, PLAIN, LAUNCHED, {"OTEL_EXPORTER_OTLP_ENDPOINT": wrong}, heals=False)
        for wrong, says in (
            ("http//127.0.0.1:4318", "lacks its colon|lacks its scheme|no address"),
            ("http://127.0.0.1:43l8", "43l8"),
        )
    ),
]
