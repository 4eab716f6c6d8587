"""How a service is served: `gunicorn --config services/gunicorn.conf.py 'services.users:create_app()'`.

One worker: data lives in memory. No --preload and no reloader: both lose spans.
"""

import gc
import os
import resource
from typing import Any

from services.common.environment import number

_files, _most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
_files = min(_most_files, 8192) if _most_files != resource.RLIM_INFINITY else 8192
resource.setrlimit(resource.RLIMIT_NOFILE, (_files, _most_files))

bind = os.environ.get("THREEMAPS_LISTEN") or "127.0.0.1:8000"
worker_class = "services.common.worker.PatientWorker"
workers = 1
threads = max(1, int(number("SERVICE_THREADS", 32)))
worker_connections = max(128, min(4096, _files - 256))
backlog = 2048
keepalive = 60  # longer than any caller of ours keeps a connection idle between two requests
timeout = 30
graceful_timeout = 6  # then the worker still has time to send its last spans
control_socket_disable = True
logger_class = "services.common.gunicorn_logger.GunicornLogger"


def pre_fork(_arbiter: Any, _worker: Any) -> None:
    """What is loaded by now stays shared with the worker: a garbage collection would write to each object."""
    gc.collect()
    gc.freeze()
