"""Application Signals: services, who calls whom, and their metrics, derived from the spans.

Its files are those of a service in moto: `urls.py` (what is called where), `responses.py` (the wire),
`models.py` (services and dependencies), `exceptions.py`. Below are `records.py`, which derives what AWS's
distro would record of each span, and `metrics.py`, which CloudWatch's GetMetricData reads.
"""

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from threemaps.standins.application_signals.metrics import SignalMetrics
from threemaps.standins.application_signals.models import Services
from threemaps.standins.application_signals.records import Records
from threemaps.standins.application_signals.responses import Responses
from threemaps.standins.application_signals.urls import URLS
from threemaps.standins.http import json_answer, parse_json
from threemaps.standins.spans.naming import by_trace
from threemaps.standins.store import Store


class ApplicationSignals:
    """`paths` are those that no other service has; `metrics` is what CloudWatch shows of it."""

    def __init__(self, store: Store, environ: Mapping[str, str]) -> None:
        records = Records(store, by_trace=by_trace(environ))
        self._responses = Responses(Services(records))
        self.metrics = SignalMetrics(records)
        self.paths = frozenset(path for _, path in URLS)

    def answer(self, request: Request) -> Response:
        body = request.get_data()
        document: Any = parse_json(body) if body.strip() else {}
        answer = self._responses.answer(request.method, request.path, request.args, document)
        return json_answer(answer)
