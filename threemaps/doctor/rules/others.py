"""TM8xx: Rollbar, watchtower, and calls to AWS that were refused on the way."""

from threemaps.doctor.facts import Facts, place_of
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
    return State(
        None,
        f"whether CloudWatch takes log records for {found['group']}: none was written",
    )


@watchtower.rule("TM821", "no-credentials", "AWS takes only what is signed")
def no_credentials(facts: Facts) -> Found | None:
    bad = [one["error"] for one in facts.seen("aws-call") if one["service"] == "logs" and one["error"]]
    if not any("Credentials" in one or "credentials" in one for one in bad):
        return None
    return Found(
        "watchtower has no AWS credentials",
        type="export AWS_ACCESS_KEY_ID=YOUR_KEY_ID AWS_SECRET_ACCESS_KEY=YOUR_SECRET",
    )
