"""OpenTelemetry and the X-Ray SDK in one app: one of the two may be fine."""

from tests.component.doctor.breakages.case import BOTH, Case, edited

NO_KEY = ("OTLPSpanExporter()", 'OTLPSpanExporter(endpoint="HONEYCOMB/v1/traces", headers={})')
CASES = [
    Case("both, and no key", r"x-honeycomb-team|HONEYCOMB_API_KEY", edited(BOTH, NO_KEY), quick=True),
    Case(
        "both, and no service name",
        r"unknown_service|OTEL_SERVICE_NAME",
        BOTH,
        variables={"OTEL_SERVICE_NAME": ""},
    ),
    Case(
        "both, and nobody at the daemon's address",
        r"CLOSED",
        edited(
            BOTH, ('service="backend-flask"', 'service="backend-flask", daemon_address="127.0.0.1:CLOSED"')
        ),
        variables={"AWS_XRAY_DAEMON_ADDRESS": ""},
        quick=True,
    ),
    Case(
        "both, and X-Ray's middleware is missing",
        r"XRayMiddleware",
        edited(BOTH, ("XRayMiddleware(app, xray_recorder)\n", "")),
    ),
    Case(
        "both, and no processor",
        r"add_span_processor",
        edited(BOTH, ("provider.add_span_processor(processor)\n", "")),
    ),
]
