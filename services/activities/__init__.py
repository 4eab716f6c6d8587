"""activities: what people wrote. Calls users for their names."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, jsonify, request
from opentelemetry import trace

from services.activities.feed import Activity, Feed
from services.common.app import new_app
from services.common.peers import Peer
from services.common.problems import Problem, Unavailable
from services.common.validation import checked_handle, new_activity

HOME_SIZE = 20
USERS_SECONDS = 1.0


def create_app() -> Flask:
    app = new_app("activities")
    feed = Feed()
    users = Peer.from_environment("users", "http://127.0.0.1:8002", USERS_SECONDS)
    tracer = trace.get_tracer("home.activities")

    @app.get("/api/activities/home")
    def home() -> Response:
        with tracer.start_as_current_span("home-activities-mock-data") as span:
            span.set_attribute("app.now", datetime.now(UTC).isoformat())
            activities = feed.newest(HOME_SIZE)
            span.set_attribute("app.result_length", len(activities))
        names, degraded = display_names(users, activities)
        return jsonify(activities=named(activities, names), degraded=degraded)

    @app.get("/api/activities/@<handle>")
    def by_user(handle: str) -> Response:
        handle = checked_handle(handle)
        names, degraded = display_name(users, handle)
        return jsonify(handle=handle, activities=named(feed.by(handle), names), degraded=degraded)

    @app.post("/api/activities")
    def post() -> tuple[Response, int]:
        new = new_activity(request)
        user = users.get(f"/api/users/{new.handle}")
        activity = feed.add(new.handle, new.message)
        return jsonify(named([activity], {new.handle: user.get("display_name")})[0]), 201

    return app


def display_names(users: Peer, activities: Sequence[Activity]) -> tuple[dict[Any, Any], bool]:
    """Handle → name in one call, and whether that failed: names are an extra, not worth an error."""
    handles = sorted({activity.handle for activity in activities})
    try:
        found = users.objects("/api/users", "users", {"handles": ",".join(handles)})
    except (Unavailable, Problem):
        return {}, True
    return {user.get("handle"): user.get("display_name") for user in found}, False


def display_name(users: Peer, handle: str) -> tuple[dict[Any, Any], bool]:
    """As above for one; somebody who does not exist is an error, though."""
    try:
        return {handle: users.get(f"/api/users/{handle}").get("display_name")}, False
    except Unavailable:
        return {}, True


def named(activities: Sequence[Activity], names: dict[Any, Any]) -> list[dict[str, Any]]:
    return [{**activity.as_json(), "display_name": names.get(activity.handle)} for activity in activities]
