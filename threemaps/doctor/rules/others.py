"""TM8xx: Rollbar, watchtower, and OpenTelemetry's logs and metrics."""

from threemaps.doctor.facts import Facts
from threemaps.doctor.listener import Fact
from threemaps.doctor.parts import place_of
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Found, State, link


@link("rollbar", "Rollbar has a token", "TM800", "export ROLLBAR_ACCESS_TOKEN=YOUR_TOKEN")
def rollbar(facts: Facts) -> State:
    found = facts.last("rollbar")
    if found is None:
        return State(True, "")
    if not found["token"]:
        return State(False, f"rollbar.init at {place_of(found) or 'a library'} has no access token")
    said = [one["text"] for one in facts.logs("rollbar")]
    if said:
        return State(False, f"Rollbar's client says: {said[-1][:200]}")
    return State(None, "whether Rollbar takes the token: no error was reported while the doctor looked")


@rollbar.rule("TM801", "no-token", "Rollbar's client drops every item when it has no token")
def no_token(facts: Facts) -> Found | None:
    found = facts.last("rollbar")
    if found is None or found["token"]:
        return None
    seen = f"rollbar.init at {place_of(found) or 'a library'} has no access token"
    return repair.variable(facts, seen, "ROLLBAR_ACCESS_TOKEN", "YOUR_TOKEN")


@link("watchtower", "CloudWatch takes the log records", "TM820", "aws sts get-caller-identity")
def watchtower(facts: Facts) -> State:
    found = facts.last("watchtower")
    if found is None:
        return State(True, "")
    calls = [one for one in facts.seen("aws-call") if one["service"] == "logs"]
    bad = [one for one in calls if one["error"]]
    if found["error"] or bad:
        said = bad[-1]["error"] if bad else found["error"]
        return State(
            False,
            f"watchtower at {place_of(found) or 'a library'} cannot write to {found['group']}: {said[:200]}",
        )
    if any(one["operation"] == "PutLogEvents" for one in calls):
        return State(True, f"CloudWatch took log records for {found['group']}")
    return State(None, f"whether CloudWatch takes log records for {found['group']}: none was written")


@watchtower.rule("TM821", "no-credentials", "AWS takes only what is signed")
def no_credentials(facts: Facts) -> Found | None:
    bad = [one["error"] for one in facts.seen("aws-call") if one["service"] == "logs" and one["error"]]
    if not any("Credentials" in one or "credentials" in one for one in bad):
        return None
    return Found(
        "watchtower has no AWS credentials",
        type="export AWS_ACCESS_KEY_ID=YOUR_KEY_ID AWS_SECRET_ACCESS_KEY=YOUR_SECRET",
    )


def signal_state(facts: Facts, signal: str) -> State:
    """A signal that nobody set up is no link; one that was refused is a note."""
    tried = facts.last("signal-exported", signal=signal)
    if not facts.last("signal-exporter", signal=signal) or refused(facts, signal):
        return State(True, "")
    if not tried:
        return State(None, f"whether its {signal} are taken: none were exported while the doctor looked")
    return State(True, f"its {signal} went to {tried['endpoint']}, which took them")


def refused(facts: Facts, signal: str) -> tuple[Fact, str] | None:
    """The exporter, and what it said: last, or while it still tried when the service was stopped."""
    tried, made = (facts.last(kind, signal=signal) for kind in ("signal-exported", "signal-exporter"))
    said = [one["text"][:200] for one in facts.logs("opentelemetry") if f" {signal} " in f" {one['text']} "]
    if tried and tried["result"] != "SUCCESS":
        return tried, said[-1] if said else tried["why"] or "its exporter says nothing"
    return (made, said[-1]) if made and said and not tried else None


def signal_refused(facts: Facts, signal: str) -> Found | None:
    found = refused(facts, signal)
    if found is None:
        return None
    one, words = found
    seen = f"its {signal} go to {one['endpoint']}, which does not take them: {words}"
    if place := place_of(one):
        return Found(seen, type=repair.opened(place))
    return repair.variable(facts, seen, f"OTEL_{signal.upper()}_EXPORTER", "none")


WHY = "a backend for traces need not take every signal"


@link("logs", "OpenTelemetry's log records are taken", "TM840", "export OTEL_LOGS_EXPORTER=none")
def logs(facts: Facts) -> State:
    return signal_state(facts, "logs")


@logs.note("TM841", "logs-refused", WHY)
def logs_refused(facts: Facts) -> Found | None:
    return signal_refused(facts, "logs")


@link("metrics", "OpenTelemetry's metrics are taken", "TM860", "export OTEL_METRICS_EXPORTER=none")
def metrics(facts: Facts) -> State:
    return signal_state(facts, "metrics")


@metrics.note("TM861", "metrics-refused", WHY)
def metrics_refused(facts: Facts) -> Found | None:
    return signal_refused(facts, "metrics")
