"""Servers, forks and reloaders."""

from tests.component.doctor.breakages.case import BY_HAND, PLAIN, XRAY, Case, edited

RUN = 'app.run(port=int(os.environ["PORT"]))'
GUARDED = edited(
    BY_HAND,
    ("FlaskInstrumentor().instrument_app(app)\n", ""),
    (
        'if __name__ == "__main__":\n',
        'if __name__ == "__main__":\n    FlaskInstrumentor().instrument_app(app)\n',
    ),
)
CASES = [
    Case(
        "a process for each request",
        r"process|fork",
        edited(BY_HAND, (RUN, 'app.run(port=int(os.environ["PORT"]), threaded=False, processes=4)')),
        quick=True,
    ),
    Case(
        "instrumented under __main__, served by gunicorn",
        r"instrument_app",
        GUARDED,
        "gunicorn --bind 127.0.0.1:PORT app:app",
    ),
    Case(
        "instrumented under __main__, served by flask run",
        r"instrument_app",
        GUARDED,
        "flask --app app run --port PORT",
    ),
    Case(
        "gunicorn without launcher",
        r"opentelemetry-instrument",
        PLAIN,
        "gunicorn --workers 2 --bind 127.0.0.1:PORT app:app",
    ),
    Case(
        "a worker that ends before it sends",
        r"flush|ended|sen[dt]",
        edited(
            PLAIN,
            (
                '    return {"hello": "world"}',
                "    import threading, time\n\n"
                "    threading.Thread(target=lambda: (time.sleep(0.1), os._exit(3))).start()\n"
                '    return {"hello": "world"}',
            ),
        ),
        "opentelemetry-instrument gunicorn --bind 127.0.0.1:PORT app:app",
        {"OTEL_BSP_SCHEDULE_DELAY": "5000"},
        heals=False,
    ),
    Case(
        "its port is taken",
        r"PAGE_PORT|taken|in use",
        edited(PLAIN, ('int(os.environ["PORT"])', "PAGE_PORT")),
        heals=False,
    ),
    Case(
        "it ends with an exception",
        r"KeyError.*SHOP|SHOP",
        edited(PLAIN, ("app = Flask", 'os.environ["SHOP"]\napp = Flask')),
        heals=False,
    ),
    Case(
        "debug mode, X-Ray without middleware",
        r"XRayMiddleware",
        edited(
            XRAY,
            ("XRayMiddleware(app, xray_recorder)\n", ""),
            (RUN, 'app.run(port=int(os.environ["PORT"]), debug=True)'),
        ),
    ),
]
