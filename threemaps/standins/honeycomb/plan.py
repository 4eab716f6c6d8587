"""What a team's plan has: the map API, query results and the MCP tool for the map come with Enterprise.

Honeycomb's own words for such a refusal are not published: these are ours, of the kind of its others.
"""

from enum import StrEnum

from threemaps.errors import UserError
from threemaps.standins.honeycomb.exceptions import HoneycombError


class Plan(StrEnum):
    FREE = "free"
    ENTERPRISE = "enterprise"

    @classmethod
    def of(cls, text: str) -> "Plan":
        """The value of THREEMAPS_HONEYCOMB_PLAN; a UserError where there is no such plan."""
        name = text.strip().lower() or cls.ENTERPRISE
        if name not in list(cls):
            raise UserError(
                f"THREEMAPS_HONEYCOMB_PLAN={text[:40]!r} is no plan of the local Honeycomb",
                hint=f"use {' or '.join(cls)}",
                exit_code=2,
            )
        return cls(name)

    def require_enterprise(self, feature: str) -> None:
        if self is not Plan.ENTERPRISE:
            raise HoneycombError(403, f"{feature} is part of the Enterprise plan; this team's plan is Free.")
