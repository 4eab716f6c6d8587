"""What users configure: groups, sampling rules and their tags, each kept as one JSON document."""

import secrets
from typing import Any

import orjson

from threemaps.settings import LOCAL_AWS_REGION
from threemaps.standins.aws_errors import AwsError
from threemaps.standins.store import Store
from threemaps.standins.xray.exceptions import invalid

SCHEMA = """
CREATE TABLE IF NOT EXISTS xray_configuration (
    kind VARCHAR, name VARCHAR, document VARCHAR, PRIMARY KEY (kind, name)
);
"""

ACCOUNT = "000000000000"


def arn(kind: str, name: str) -> str:
    return f"arn:aws:xray:{LOCAL_AWS_REGION}:{ACCOUNT}:{kind}/{name}"


def unique_arn(kind: str, name: str) -> str:
    return arn(kind, f"{name}/{secrets.token_hex(16).upper()}")


class Configuration:
    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        sql = "SELECT document FROM xray_configuration WHERE kind = ? AND name = ?"
        rows = self._store.rows(sql, [kind, name])
        return orjson.loads(rows[0][0]) if rows else None

    def all(self, kind: str) -> list[dict[str, Any]]:
        sql = "SELECT document FROM xray_configuration WHERE kind = ? ORDER BY name"
        return [orjson.loads(document) for (document,) in self._store.rows(sql, [kind])]

    def put(self, kind: str, name: str, document: dict[str, Any]) -> None:
        text = orjson.dumps(document).decode()
        self._store.execute("INSERT OR REPLACE INTO xray_configuration VALUES (?, ?, ?)", [kind, name, text])

    def delete(self, kind: str, name: str) -> None:
        self._store.execute("DELETE FROM xray_configuration WHERE kind = ? AND name = ?", [kind, name])


def named(documents: list[dict[str, Any]], request: dict[str, Any], what: str) -> dict[str, Any]:
    """The one that the request names, by GroupName or GroupARN, RuleName or RuleARN."""
    by_name, by_arn = request.get(f"{what}Name"), request.get(f"{what}ARN")
    if (by_name is None) == (by_arn is None):
        raise invalid(f"Give one of {what}Name and {what}ARN")
    for document in documents:
        if by_name == document[f"{what}Name"] or by_arn == document[f"{what}ARN"]:
            return document
    raise invalid(f"{what} not found: {by_name or by_arn}")


class Tags:
    """Of groups and sampling rules, by ARN."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def set(self, resource: str, tags: list[dict[str, str]]) -> None:
        known = self._configuration.get("tags", resource) or {}
        self._configuration.put("tags", resource, known | {tag["Key"]: tag["Value"] for tag in tags})

    def tag_resource(self, request: dict[str, Any]) -> dict[str, Any]:
        self.set(self._existing(request), request["Tags"])
        return {}

    def untag_resource(self, request: dict[str, Any]) -> dict[str, Any]:
        resource = self._existing(request)
        known = self._configuration.get("tags", resource) or {}
        kept = {key: value for key, value in known.items() if key not in request["TagKeys"]}
        self._configuration.put("tags", resource, kept)
        return {}

    def list_tags_for_resource(self, request: dict[str, Any]) -> dict[str, Any]:
        known = self._configuration.get("tags", self._existing(request)) or {}
        return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(known.items())]}

    def _existing(self, request: dict[str, Any]) -> str:
        resource: str = request["ResourceARN"]
        groups = (group["GroupARN"] for group in self._configuration.all("group"))
        rules = (record["SamplingRule"]["RuleARN"] for record in self._configuration.all("rule"))
        if resource not in {*groups, *rules}:
            raise AwsError(
                "ResourceNotFoundException", f"No group or sampling rule has the ARN {resource}", 404
            )
        return resource
