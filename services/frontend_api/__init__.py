"""frontend_api: the edge. Calls activities and users, and is the only one that the outside talks to."""

from typing import Any

from flask import Flask, Response, jsonify, request

from services.common.app import new_app
from services.common.edge import DropTraceHeaders
from services.common.environment import switch
from services.common.peers import Peer
from services.common.problems import Problem, Unavailable
from services.common.validation import checked_handle, new_activity

# activities waits a second for users: it needs longer than that to answer without them.
ACTIVITIES_SECONDS = 3.0
USERS_SECONDS = 1.0
SUGGESTIONS = 3


def create_app() -> Flask:
    app = new_app("frontend_api")
    activities = Peer.from_environment("activities", "http://127.0.0.1:8001", ACTIVITIES_SECONDS)
    users = Peer.from_environment("users", "http://127.0.0.1:8002", USERS_SECONDS)
    if not switch("THREEMAPS_TRUST_INCOMING_TRACE"):
        app.wsgi_app = DropTraceHeaders(app.wsgi_app)  # type: ignore[method-assign]

    @app.get("/api/activities/home")
    def home() -> Response:
        page = activities.get("/api/activities/home")
        suggestions, missing = suggested(users)
        degraded = missing or bool(page.get("degraded"))
        return jsonify(activities=page.get("activities", []), suggestions=suggestions, degraded=degraded)

    @app.get("/api/activities/@<handle>")
    def by_user(handle: str) -> Response:
        return jsonify(activities.get(f"/api/activities/@{checked_handle(handle)}"))

    @app.post("/api/activities")
    def post() -> tuple[Response, int]:
        new = new_activity(request)
        return jsonify(
            activities.post("/api/activities", {"handle": new.handle, "message": new.message})
        ), 201

    @app.get("/api/users/<handle>")
    def user(handle: str) -> Response:
        return jsonify(users.get(f"/api/users/{checked_handle(handle)}"))

    return app


def suggested(users: Peer) -> tuple[list[dict[str, Any]], bool]:
    """Whom to follow, and whether that failed: the page is worth reading without it."""
    try:
        return users.objects("/api/users", "users")[:SUGGESTIONS], False
    except (Unavailable, Problem):
        return [], True
