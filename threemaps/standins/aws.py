"""One endpoint for all of AWS that is used here, as AWS_ENDPOINT_URL has it."""

from flask import Flask, Request, Response, request
from werkzeug.exceptions import HTTPException

from threemaps.settings import LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY
from threemaps.standins import cloudwatch, sigv4, sts, xray
from threemaps.standins.aws_errors import OTLP_PATH, AwsError, cbor_answer, error_response
from threemaps.standins.http import BodyError, decompress, json_answer
from threemaps.standins.store import Store

SCHEMA = xray.SCHEMA + cloudwatch.SCHEMA
KEYS = {LOCAL_AWS_ACCESS_KEY_ID: LOCAL_AWS_SECRET_ACCESS_KEY}

MAX_BODY_BYTES = 16_000_000


def create_app(store: Store) -> Flask:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    rays = xray.XRay(store)
    logs = cloudwatch.CloudWatchLogs(store)
    metrics = cloudwatch.CloudWatchMetrics(store)

    @app.get("/healthz")
    def healthz() -> Response:
        return json_answer({"status": "ok"})

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def dispatch(path: str) -> Response:
        if request.path == OTLP_PATH and request.method == "POST":
            sigv4.verify(request, KEYS, service="xray")
            return rays.otlp.answer(request)
        sigv4.verify(request, KEYS)
        target = request.headers.get("X-Amz-Target", "")
        if request.path.startswith(cloudwatch.METRICS_PATH):
            return cbor_answer(metrics.answer_cbor(request.path, body_of(request)))
        if target.startswith(cloudwatch.METRICS_TARGET):
            return json_answer(
                metrics.answer_json(target, body_of(request)), content_type="application/x-amz-json-1.0"
            )
        if target:
            return json_answer(
                logs.answer(target, body_of(request)), content_type="application/x-amz-json-1.1"
            )
        if request.form.get("Action"):
            return Response(sts.answer(request.form["Action"]), content_type="text/xml")
        if request.path in rays.paths and request.method == "POST":
            return json_answer(rays.answer(request.path, body_of(request)))
        raise AwsError("UnknownOperationException", f"nothing answers at {request.path[:100]!r}", 404)

    @app.errorhandler(AwsError)
    def refuse(error: AwsError) -> Response:
        return error_response(request, error)

    @app.errorhandler(BodyError)
    def refuse_body(error: BodyError) -> Response:
        return error_response(request, AwsError("SerializationException", error.reason, error.status))

    @app.errorhandler(HTTPException)
    def refuse_otherwise(error: HTTPException) -> Response:
        reason = error.description or "the request cannot be answered"
        return error_response(request, AwsError("InvalidRequestException", reason, error.code or 400))

    return app


def body_of(request: Request) -> bytes:
    # Kept by Flask, so that the signature check before and the answer after read the same bytes.
    return decompress(request.get_data(), request.headers.get("Content-Encoding", ""), MAX_BODY_BYTES)
