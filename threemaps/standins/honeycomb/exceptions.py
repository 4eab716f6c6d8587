"""Refusals in Honeycomb's words: RFC 7807 documents that also carry the older `error` field."""

from typing import Any

from werkzeug.wrappers import Response

from threemaps.standins.http import json_answer

_TYPES = {
    400: ("unparseable", "The request body could not be parsed."),
    403: ("forbidden", "The API key does not have permission for this operation."),
    401: ("unauthorized", "The API key is not known."),
    404: ("not-found", "The requested resource cannot be found."),
    405: ("method-not-allowed", "The method is not allowed here."),
    409: (
        "conflict",
        "Request could not be completed due to a conflict with the current state of the target resource.",
    ),
    413: ("payload-too-large", "Request body is too large."),
    415: ("unsupported-media-type", "The request body is in a format that is not supported."),
    422: ("validation-failed", "The provided input is invalid."),
    429: ("rate-limited", "You have exceeded your rate limit."),
    500: ("internal", "Something went wrong."),
}


class HoneycombError(Exception):
    """An answer other than 200: `error` says what was wrong, `field` where."""

    def __init__(
        self,
        status: int,
        error: str,
        *,
        field: str | None = None,
        code: str = "invalid",
        detail: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.field = field
        self.code = code
        self.detail = detail
        self.headers = headers

    def answer(self) -> Response:
        kind, title = _TYPES[self.status]
        document: dict[str, Any] = {
            "status": self.status,
            "type": f"https://api.honeycomb.io/problems/{kind}",
            "title": title,
            "error": self.error,
        }
        if self.field is None:
            document["detail"] = self.detail or self.error
        else:
            # The reason stands in the list only.
            document["error"] = title
            document["type_detail"] = [{"field": self.field, "code": self.code, "description": self.error}]
        return json_answer(document, self.status, self.headers, content_type="application/problem+json")


def invalid(field: str, error: str, code: str = "invalid") -> HoneycombError:
    return HoneycombError(422, error, field=field, code=code)


def legacy(error: str, status: int) -> Response:
    """The older form, which the Events API and the key check still use."""
    return json_answer({"error": error}, status)
