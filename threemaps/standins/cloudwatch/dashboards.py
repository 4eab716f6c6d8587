"""CloudWatch's dashboards: kept and given back. Nothing is drawn here."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import orjson

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.cloudwatch.paging import offset_from, to_token
from threemaps.standins.store import Store

NAME = re.compile(r"[\w-]{1,255}", re.ASCII)
PAGE = 100
ARN = "arn:aws:cloudwatch::000000000000:dashboard/"


class Dashboards:
    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, request: dict[str, Any]) -> dict[str, Any]:
        name, body = request["DashboardName"], request["DashboardBody"]
        if not NAME.fullmatch(name):
            raise refused(f"The value {name[:100]!r} for field DashboardName contains invalid characters.")
        _check_body(body)
        values = (name, body, time.time_ns() // 1_000_000)
        self._store.execute("INSERT OR REPLACE INTO dashboard VALUES (?, ?, ?)", values)
        return {"DashboardValidationMessages": []}

    def get(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["DashboardName"]
        rows = self._store.rows("SELECT body FROM dashboard WHERE name = ?", (name,))
        if not rows:
            raise missing(name)
        return {"DashboardArn": f"{ARN}{name}", "DashboardName": name, "DashboardBody": rows[0][0]}

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        start = offset_from(request["NextToken"], "InvalidParameterValue") if request.get("NextToken") else 0
        rows = self._store.rows(
            "SELECT name, changed_ms, strlen(body) FROM dashboard WHERE starts_with(name, ?) "
            f"ORDER BY name LIMIT {PAGE + 1} OFFSET ?",
            (request.get("DashboardNamePrefix", ""), start),
        )
        entries = [
            {
                "DashboardName": name,
                "DashboardArn": f"{ARN}{name}",
                "LastModified": datetime.fromtimestamp(changed / 1000, UTC),
                "Size": size,
            }
            for name, changed, size in rows[:PAGE]
        ]
        more = {"NextToken": to_token(start + PAGE)} if len(rows) > PAGE else {}
        return {"DashboardEntries": entries, **more}

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """All of them or none."""
        names = request["DashboardNames"]
        if not names:
            raise AwsError("InvalidParameterValue", "The parameter DashboardNames must not be empty.")
        for name in names:
            self.get({"DashboardName": name})
        self._store.execute("DELETE FROM dashboard WHERE list_contains(?, name)", (names,))
        return {}


def _check_body(body: str) -> None:
    try:
        widgets = orjson.loads(body).get("widgets")
    except (orjson.JSONDecodeError, AttributeError):
        raise refused("The field DashboardBody must be a valid JSON object") from None
    if not isinstance(widgets, list):
        raise refused('The dashboard body needs a list under "widgets"')


def refused(message: str) -> AwsError:
    return AwsError("InvalidParameterInput", message)


def missing(name: str) -> AwsError:
    return AwsError("ResourceNotFound", f"Dashboard {name} does not exist", 404)
