"""What Honeycomb means by a refusal: the plan lacks it, or the key may not. Each has its own remedy."""

import re
from collections.abc import Callable

from threemaps.readers.base import UnreadableError

ABOUT_PLAN = re.compile(
    r"\bplans?\b|\benterprise\b|\bupgrade\b|not (?:available|enabled|included)", re.IGNORECASE
)
SCOPES = "Model Context Protocol: Read and Environments: Read"
EVERY_PLAN = (
    "every plan reads by MCP: `threemaps login honeycomb` in a browser, or in CI "
    f"HONEYCOMB_MANAGEMENT_KEY=ID:SECRET with the scopes {SCOPES}; "
    "or open `threemaps link honeycomb`, save the result, and compare the file"
)


class RefusedError(UnreadableError):
    """This way to read is closed; another may be open."""


class PlanRefusedError(RefusedError):
    """The team's plan does not have it."""


class KeyRefusedError(RefusedError):
    """The key is missing, unknown, or lacks a permission."""


def refusals_of(feature: str, permission: str) -> Callable[[int, str], UnreadableError | None]:
    """Explains what a configuration key was refused: a status and its text → the reason with its remedy."""

    def explain(status: int, said: str) -> UnreadableError | None:
        if status == 401:
            return KeyRefusedError(
                f"Honeycomb does not know the key ({said})",
                hint="HONEYCOMB_CONFIGURATION_KEY must hold a configuration key of this environment and "
                "region, not an ingest key; the EU's API is HONEYCOMB_API_ENDPOINT=https://api.eu1.honeycomb.io",
            )
        if status == 404 or (status in (402, 403) and ABOUT_PLAN.search(said)):
            return PlanRefusedError(
                f"the plan of this Honeycomb team has no {feature}, which comes with Enterprise ({said})",
                hint=EVERY_PLAN,
            )
        if status == 403:
            return KeyRefusedError(
                f"Honeycomb refuses this key the {feature} ({said})",
                hint=f"HONEYCOMB_CONFIGURATION_KEY needs the permission {permission}; "
                "ingest keys are always refused",
            )
        return None

    return explain


explain_map_refusal = refusals_of("service map API", "Read Service Maps")
explain_query_refusal = refusals_of("Query Data API", "Run Queries, with Manage Queries and Columns")
