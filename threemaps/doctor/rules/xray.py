"""TM7xx: the X-Ray SDK: is there a segment, is it sampled, is it sent, and does anybody listen?"""

import re
import socket

from threemaps.basics.nearby import LOOPBACK
from threemaps.doctor.ends import held
from threemaps.doctor.facts import Facts
from threemaps.doctor.parts import place_of
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Found, State, link
from threemaps.settings import Settings

MIDDLEWARE = "XRayMiddleware({}, xray_recorder)"
ADDRESS = "AWS_XRAY_DAEMON_ADDRESS"
SECONDS = 0.5


@link("segment", "the request begins a segment", "TM700", "XRayMiddleware(app, xray_recorder)")
def segment(facts: Facts) -> State:
    if facts.inside.get("AWS_XRAY_SDK_ENABLED").strip().lower() == "false":
        return State(False, "the X-Ray SDK is turned off")
    found = facts.segment
    if facts.request is None:
        return State(None, "which segment belongs to the request: what answered is no Flask app")
    if found is None or found["error"]:
        why = found["error"] if found else "no middleware began one"
        return State(False, f"the request began no X-Ray segment: {why}")
    return State(True, f"the X-Ray SDK began the segment {found['name']!r}")


@segment.rule("TM701", "xray-off", "AWS_XRAY_SDK_ENABLED=false makes every segment a dummy")
def xray_off(facts: Facts) -> Found | None:
    name = "AWS_XRAY_SDK_ENABLED"
    if facts.inside.get(name).strip().lower() != "false":
        return None
    return repair.variable(facts, f"{name}=false turns the X-Ray SDK off", name, "")


@segment.rule("TM702", "xray-other-app", "the middleware watches one Flask app, and another one answers")
def other_app(facts: Facts) -> Found | None:
    made = facts.seen("xray-middleware")
    mine = [one for one in made if facts.request and one["app"] == facts.request["app"]]
    place, where = place_of(facts.app), place_of(made[-1]) if made else None
    if mine or where is None or place is None:
        return None
    line = MIDDLEWARE.format(repair.name_assigned(place) or "app")
    return Found(
        f"XRayMiddleware at {where} watches another Flask app: the one that answers is made at {place}",
        write=repair.after(place, line),
    )


@segment.rule("TM703", "xray-no-middleware", "XRayMiddleware begins and ends the segments of a Flask app")
def no_middleware(facts: Facts) -> Found | None:
    if facts.seen("xray-middleware"):
        return None
    place, configured = place_of(facts.app), facts.last("xray-configured")
    if place is None:
        return None
    behind = place_of(configured)
    line = MIDDLEWARE.format(repair.name_assigned(place) or "app")
    text = repair.with_import(place, "aws_xray_sdk.ext.flask.middleware", "XRayMiddleware", line)
    text = repair.with_import(place, "aws_xray_sdk.core", "xray_recorder", text)
    there = behind if behind and behind.file == place.file and behind.line > place.line else place
    return Found(f"the Flask app made at {place} has no XRayMiddleware", write=repair.after(there, text))


@segment.rule("TM704", "xray-no-name", "a segment has to have a name")
def no_name(facts: Facts) -> Found | None:
    found = facts.segment
    if found is None or not re.search(r"SegmentNameMissing|[Nn]ame", found["error"]):
        return None
    return nameless(facts)


def nameless(facts: Facts) -> Found:
    name = "AWS_XRAY_TRACING_NAME"
    return repair.variable(
        facts,
        f"the X-Ray recorder has no service name (service=… or {name})",
        name,
        facts.inside.folder.name or "app",
    )


@link("sampled", "the segment is sampled", "TM720", "xray_recorder.configure(sampling=False)")
def sampled(facts: Facts) -> State:
    found = facts.segment
    if found is None:
        return State(None, "no segment of the request to look at")
    if not found["sampled"]:
        return State(False, "the segment is sampled out: it is made, and not sent")
    return State(True, f"it is sampled; its trace is {found['trace']}")


@sampled.rule(
    "TM721", "xray-sampled-out", "a sampling rule decides at the start of a segment whether it is sent"
)
def sampled_out(facts: Facts) -> Found | None:
    configured = facts.last("xray-configured")
    place = place_of(configured)
    if configured is None or place is None or facts.segment is None:
        return None
    if "sampling_rules" not in configured["given"]:
        return None
    seen = f"the sampling_rules of {place} drop this request"
    return repair.without_argument(place, seen, "sampling_rules")


@sampled.rule(
    "TM722", "xray-share", "without rules of its own the SDK keeps one request a second and 5 % of the rest"
)
def share(facts: Facts) -> Found | None:
    if facts.segment is None or facts.segment["sampled"]:
        return None
    return Found(
        "X-Ray's sampling rules dropped this request", type="xray_recorder.configure(sampling=False)"
    )


@link("datagram", "somebody takes the segment", "TM740", "threemaps up")
def datagram(facts: Facts) -> State:
    if facts.request is None:
        return State(None, "no segment of the request to look at")
    number = facts.request["request"]
    sent = [one for one in facts.seen("segment-sent") if one["request"] == number]
    if not sent:
        return State(False, "the segment was not sent")
    address = str(sent[-1]["address"])
    host, _, port = address.rpartition(":")
    listening = is_listening(host, int(port))
    if listening is None:
        return State(None, f"whether anybody listens at {address}: a datagram gets no answer")
    if not listening:
        return State(False, f"nobody listens for X-Ray's datagrams at {address}")
    return State(True, f"sent to {address}, where somebody listens")


def is_listening(host: str, port: int) -> bool | None:
    """A datagram to a closed port of this machine comes back as an error to whoever asks for it.

    Of other machines only this is seen: one whose name does not resolve does not listen.
    """
    if host not in LOOPBACK:
        try:
            socket.getaddrinfo(host, port)
        except OSError:
            return False
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(SECONDS)
        try:
            probe.connect((host, port))
            probe.send(b"")
            probe.recv(1)
        except TimeoutError:
            return True
        except OSError:
            return False
    return True


@datagram.rule("TM741", "xray-nobody", "UDP loses what is sent to nobody, without an error")
def nobody(facts: Facts) -> Found | None:
    sent = facts.seen("segment-sent")
    address = str(sent[-1]["address"]) if sent else ""
    host, _, port = address.rpartition(":")
    if not address or is_listening(host, int(port)) is not False:
        return None
    right = "127.0.0.1:2000"
    seen = f"nobody listens for X-Ray's datagrams at {address}"
    configured = facts.last("xray-configured")
    place = place_of(configured)
    if address == right:
        return Found(f"{seen}: no daemon and no collector runs", type="threemaps up")
    if configured and configured["address"] and place and configured["address"] in place.text:
        said = f"{seen} (daemon_address at {place}); `threemaps up` starts a collector at {right}"
        return repair.in_code(place, said, configured["address"], right)
    return repair.variable(facts, f"{seen}; `threemaps up` starts a collector at {right}", ADDRESS, right)


@datagram.rule("TM743", "xray-open", "a segment is sent when it ends")
def never_ended(facts: Facts) -> Found | None:
    begun = facts.segment
    place = place_of(begun)
    if begun is None or place is None:
        return None
    if any(one["request"] == begun["request"] for one in facts.seen("segment-ended")):
        return None
    seen = f"the segment begun at {place} is never ended"
    return Found(seen, write=repair.after(place, "xray_recorder.end_segment()"))


@datagram.rule("TM742", "xray-emitter", "segments leave through the emitter that the recorder was given")
def emitter(facts: Facts) -> Found | None:
    configured = facts.last("xray-configured")
    place = place_of(configured)
    if (
        facts.seen("segment-sent")
        or configured is None
        or place is None
        or facts.segment is None
        or "emitter" not in configured["given"]
    ):
        return None
    return repair.without_argument(place, f"the emitter of {place} sends no segment to any daemon", "emitter")


@link("x-ray", "the trace can be read back", "TM760", "threemaps doctor")
def read(facts: Facts) -> State:
    settings = Settings.load()
    ours = f"127.0.0.1:{settings.ports['xray']}"
    sent = facts.seen("segment-sent")
    address = str(sent[-1]["address"]) if sent else ""
    trace = str((facts.segment or {}).get("trace", "")).removeprefix("1-").replace("-", "")
    if address != ours:
        return State(
            None,
            f"what the listener at {address} does with trace {trace}: nobody here has an API to ask it by",
        )
    return held(["X-Ray"], settings, trace)
