"""Resource policies of CloudWatch Logs, which let X-Ray write spans: kept and given back, not carried out."""

from typing import Any

import orjson

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.cloudwatch.exceptions import invalid
from threemaps.standins.cloudwatch.groups import now_ms
from threemaps.standins.cloudwatch.paging import page_of
from threemaps.standins.store import Store

MAX_POLICIES = 10


class Policies:
    def __init__(self, store: Store) -> None:
        self._store = store

    def put_resource_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        name, document = request.get("policyName"), request.get("policyDocument")
        if not name or not document:
            raise invalid("policyName and policyDocument have to be given.")
        try:
            orjson.loads(document)
        except orjson.JSONDecodeError as error:
            raise invalid(f"policyDocument is no JSON: {error}") from error
        known = self._policies()
        if len(known) >= MAX_POLICIES and name not in [one["policyName"] for one in known]:
            raise AwsError("LimitExceededException", "Resource limit exceeded.")
        row = [name, document, now_ms()]
        self._store.execute("INSERT OR REPLACE INTO log_policy VALUES (?, ?, ?)", row)
        return {"resourcePolicy": _policy(*row)}

    def describe_resource_policies(self, request: dict[str, Any]) -> dict[str, Any]:
        page, token = page_of(self._policies(), request.get("limit", 50), request.get("nextToken"))
        return {"resourcePolicies": list(page), **token}

    def delete_resource_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request.get("policyName")
        if name not in [one["policyName"] for one in self._policies()]:
            raise AwsError("ResourceNotFoundException", f"Policy with name [{name}] does not exist")
        self._store.execute("DELETE FROM log_policy WHERE name = ?", [name])
        return {}

    def _policies(self) -> list[dict[str, Any]]:
        rows = self._store.rows("SELECT name, document, changed_ms FROM log_policy ORDER BY name")
        return [_policy(*row) for row in rows]


def _policy(name: str, document: str, changed_ms: int) -> dict[str, Any]:
    return {"policyName": name, "policyDocument": document, "lastUpdatedTime": changed_ms}
