"""gunicorn's own lines in the same form as all others. No access log: the services log each request."""

import logging.config
import os
from typing import Any

from gunicorn.glogging import Logger

from services.common import logs
from services.common.environment import log_level


class GunicornLogger(Logger):  # type: ignore[misc]
    def setup(self, cfg: Any) -> None:
        service = os.environ.get("OTEL_SERVICE_NAME") or os.environ.get("AWS_XRAY_TRACING_NAME") or "service"
        logging.config.dictConfig(logs.configuration(service, log_level()))
        logs.add_xray_ids()

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Nothing."""
