"""Tags on log groups: kept and given back."""

from typing import Any

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.cloudwatch.exceptions import invalid, not_found
from threemaps.standins.cloudwatch.groups import group_named, put_tags
from threemaps.standins.store import Store

MAX_TAGS = 50


class Tags:
    def __init__(self, store: Store) -> None:
        self._store = store

    def tag_resource(self, request: dict[str, Any]) -> dict[str, Any]:
        group, tags = self._group(request), request["tags"]
        if not tags:
            raise invalid("tags has to name at least one tag")
        if len(self._tags(group) | tags) > MAX_TAGS:
            raise AwsError("TooManyTagsException", f"a log group can have at most {MAX_TAGS} tags")
        put_tags(self._store, group, tags)
        return {}

    def untag_resource(self, request: dict[str, Any]) -> dict[str, Any]:
        group = self._group(request)
        self._store.execute(
            "DELETE FROM log_group_tag WHERE log_group = ? AND list_contains(?, name)",
            [group, request["tagKeys"]],
        )
        return {}

    def list_tags_for_resource(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"tags": self._tags(self._group(request))}

    def _tags(self, group: str) -> dict[str, str]:
        rows = self._store.rows(
            "SELECT name, value FROM log_group_tag WHERE log_group = ? ORDER BY name", [group]
        )
        return dict(rows)

    def _group(self, request: dict[str, Any]) -> str:
        name = group_named(request["resourceArn"])
        if not self._store.rows("SELECT 1 FROM log_group WHERE name = ?", [name]):
            raise not_found("resource")
        return name
