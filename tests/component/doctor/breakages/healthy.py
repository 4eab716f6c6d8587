"""Services with which all is well, and the doctor has to say so."""

from tests.component.doctor.breakages.case import BOTH, BY_HAND, PLAIN, XRAY, Case, edited

RIGHT = "opentelemetry-instrument python app.py"
RUN = 'app.run(port=int(os.environ["PORT"]))'
DEBUG = (RUN, 'app.run(port=int(os.environ["PORT"]), debug=True)')
UVICORN = PLAIN + "\n\nfrom uvicorn.middleware.wsgi import WSGIMiddleware\n\nasgi = WSGIMiddleware(app)\n"
DIRECT = (
    "OTLPSpanExporter()",
    'OTLPSpanExporter(endpoint="HONEYCOMB/v1/traces", '
    'headers={"x-honeycomb-team": os.environ["HONEYCOMB_API_KEY"]})',
)


def well(name: str, code: str, command: str = "python app.py", quick: bool = False, **more: str) -> Case:
    return Case(name, "", code, command, more, quick=quick)


CASES = [
    well("by hand", BY_HAND, quick=True),
    well("by launcher", PLAIN, RIGHT, quick=True),
    well("by hand, debug mode", edited(BY_HAND, DEBUG)),
    well("by launcher, debug mode", edited(PLAIN, DEBUG), RIGHT),
    well("flask run", PLAIN, "opentelemetry-instrument flask --app app run --port PORT"),
    well("flask run --debug", PLAIN, "opentelemetry-instrument flask --app app run --debug --port PORT"),
    well("gunicorn", PLAIN, "opentelemetry-instrument gunicorn --workers 2 --bind 127.0.0.1:PORT app:app"),
    well("gunicorn --preload, by hand", BY_HAND, "gunicorn --preload --bind 127.0.0.1:PORT app:app"),
    well("gunicorn with threads, by hand", BY_HAND, "gunicorn --threads 4 --bind 127.0.0.1:PORT app:app"),
    well("uvicorn with Flask behind", UVICORN, "opentelemetry-instrument uvicorn --port PORT app:asgi"),
    well("the X-Ray SDK alone", XRAY, quick=True),
    well("the X-Ray SDK under gunicorn", XRAY, "gunicorn --bind 127.0.0.1:PORT app:app"),
    well("both SDKs", BOTH, quick=True),
    well("by hand, to Honeycomb", edited(BY_HAND, DIRECT), HONEYCOMB_API_KEY="INGEST_KEY"),
    well(
        "by launcher, to Honeycomb",
        PLAIN,
        RIGHT,
        OTEL_EXPORTER_OTLP_ENDPOINT="HONEYCOMB",
        OTEL_EXPORTER_OTLP_HEADERS="x-honeycomb-team=INGEST_KEY",
    ),
    well("over gRPC", PLAIN, RIGHT, OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_EXPORTER_OTLP_ENDPOINT="GRPC"),
    Case("bash start.sh", "", PLAIN, "bash start.sh", files={"start.sh": f"exec {RIGHT}\n"}),
    Case("make run", "", PLAIN, "make run", files={"Makefile": f"run:\n\t{RIGHT}\n"}),
    well("launcher and a second provider by hand", BY_HAND, RIGHT),
]
