"""What stands between the command and Python."""

from tests.component.doctor.breakages.case import BY_HAND, PLAIN, Case, edited

RIGHT = "opentelemetry-instrument python app.py"
NO_GLOBAL = edited(BY_HAND, ("trace.set_tracer_provider(provider)\n", ""))
CASES = [
    Case(
        "a script without launcher",
        r"opentelemetry-instrument",
        PLAIN,
        "bash start.sh",
        files={"start.sh": "exec python app.py\n"},
        quick=True,
    ),
    Case(
        "make, and the code is at fault",
        r"set_tracer_provider",
        NO_GLOBAL,
        "make run",
        files={"Makefile": "run:\n\tpython app.py\n"},
    ),
    Case(
        "uv run, and the code is at fault",
        r"set_tracer_provider",
        NO_GLOBAL,
        "uv run --no-project --python PYTHON app.py",
    ),
    Case(
        "a variable in the script",
        r"OTEL_TRACES_SAMPLER",
        PLAIN,
        "bash start.sh",
        files={"start.sh": f"export OTEL_TRACES_SAMPLER=always_off\n{RIGHT}\n"},
    ),
    Case("python -E", r"python -[EI]|-E\b", PLAIN, "opentelemetry-instrument python -E app.py"),
    Case(
        "python -I in a script",
        r"-I\b",
        PLAIN,
        "opentelemetry-instrument bash start.sh",
        files={"start.sh": "python -I app.py\n"},
    ),
    Case(
        "PYTHONPATH replaced in a script",
        r"PYTHONPATH",
        PLAIN,
        "opentelemetry-instrument bash start.sh",
        files={"start.sh": "PYTHONPATH=. python app.py\n"},
    ),
    Case(
        "env -u takes the key",
        r"x-honeycomb-team|HONEYCOMB_API_KEY|HEADERS",
        PLAIN,
        f"env -u OTEL_EXPORTER_OTLP_HEADERS OTEL_EXPORTER_OTLP_ENDPOINT=HONEYCOMB {RIGHT}",
        {"OTEL_EXPORTER_OTLP_HEADERS": "x-honeycomb-team=INGEST_KEY"},
    ),
    Case("no such program", r"pyton", PLAIN, "pyton app.py", heals=False),
]
