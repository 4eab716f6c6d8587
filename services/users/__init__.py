"""users: who somebody is. Calls nobody."""

from flask import Flask, Response, jsonify, request

from services.common.app import new_app
from services.common.problems import Problem
from services.common.validation import checked_handle
from services.users.directory import USERS

MAX_HANDLES = 100


def create_app() -> Flask:
    app = new_app("users")

    @app.get("/api/users")
    def several() -> Response:
        """Those of `?handles=a,b` that exist, or everybody."""
        asked = request.args.get("handles", "")
        handles = asked.split(",") if asked else list(USERS)
        if len(handles) > MAX_HANDLES:
            raise Problem(400, "too_many_handles", f"at most {MAX_HANDLES} handles, not {len(handles)}")
        found = [USERS[handle] for handle in map(checked_handle, handles) if handle in USERS]
        return jsonify(users=[user.as_json() for user in found])

    @app.get("/api/users/<handle>")
    def one(handle: str) -> Response:
        handle = checked_handle(handle)
        if handle not in USERS:
            raise Problem(404, "unknown_handle", f"there is no user {handle!r}")
        return jsonify(USERS[handle].as_json())

    return app
