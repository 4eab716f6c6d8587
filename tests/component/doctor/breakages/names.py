"""Spans that arrive under a name that nobody looks for."""

from tests.component.doctor.breakages.case import BY_HAND, PLAIN, Case, edited

RESOURCE = (
    "import TracerProvider\n",
    "import TracerProvider\nfrom opentelemetry.sdk.resources import Resource\n",
)
NO_NAME = {"OTEL_SERVICE_NAME": ""}
LAUNCHED = "opentelemetry-instrument python app.py"
CASES = [
    Case("no name by hand", r"unknown_service", BY_HAND, variables=NO_NAME, quick=True),
    Case("no name under the launcher", r"unknown_service", PLAIN, LAUNCHED, NO_NAME),
    Case(
        "an attribute that is not service.name",
        r"unknown_service.*service\.name|service\.name",
        edited(
            BY_HAND,
            RESOURCE,
            ("TracerProvider()", 'TracerProvider(resource=Resource.create({"service_name": "shop"}))'),
        ),
        variables=NO_NAME,
    ),
    Case(
        "attributes with colons",
        r"OTEL_RESOURCE_ATTRIBUTES",
        PLAIN,
        LAUNCHED,
        NO_NAME | {"OTEL_RESOURCE_ATTRIBUTES": "service.name: shop"},
    ),
    Case("a blank name", r"OTEL_SERVICE_NAME|service\.name", PLAIN, LAUNCHED, {"OTEL_SERVICE_NAME": " "}),
]
