"""The X-Ray SDK alone."""

from tests.component.doctor.breakages.case import XRAY, Case, edited

CASES = [
    Case(
        "no middleware",
        r"XRayMiddleware",
        edited(XRAY, ("XRayMiddleware(app, xray_recorder)\n", "")),
        quick=True,
    ),
    Case(
        "middleware on another app",
        r"XRayMiddleware|app\.py:\d+",
        edited(
            XRAY,
            (
                "XRayMiddleware(app, xray_recorder)\n",
                "XRayMiddleware(app, xray_recorder)\napp = Flask(__name__)\n",
            ),
        ),
    ),
    Case(
        "nobody at the daemon's address",
        r"CLOSED",
        XRAY,
        variables={"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:CLOSED"},
    ),
    Case(
        "turned off by a variable", r"AWS_XRAY_SDK_ENABLED", XRAY, variables={"AWS_XRAY_SDK_ENABLED": "false"}
    ),
    Case(
        "sampled at 0",
        r"sampl",
        edited(
            XRAY,
            (
                'configure(service="backend-flask"',
                'configure(sampling_rules={"version": 2, "rules": [], '
                '"default": {"fixed_target": 0, "rate": 0}}, service="backend-flask"',
            ),
        ),
    ),
    Case(
        "no service name",
        r"AWS_XRAY_TRACING_NAME|service name|service=",
        edited(XRAY, ('service="backend-flask", dynamic_naming=os.getenv("AWS_XRAY_URL")', "sampling=True")),
    ),
    Case(
        "an address with a scheme",
        r"http://|daemon",
        XRAY,
        variables={"AWS_XRAY_DAEMON_ADDRESS": "http://127.0.0.1:2000"},
    ),
]
