"""CloudWatch's stand-in: events through PutLogEvents, 1,000 a signed call, and what is read back of them.

Half of the events are plain lines, half JSON. Bodies are made beforehand, so that only the server is
measured.
"""

import random
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.intake import Intake, tell_disk
from bench.processes import settings_at, standin
from bench.report import Report
from threemaps.readers.aws import aws_client
from threemaps.settings import (
    LOCAL_AWS_ACCESS_KEY_ID,
    LOCAL_AWS_REGION,
    LOCAL_AWS_SECRET_ACCESS_KEY,
    Settings,
)

ABOUT = "CloudWatch's stand-in: events in, and what is read back"
EVENTS = 200_000
EVENTS_PER_CALL = 1_000
SENDERS = 2
STREAM = "bench"
PLAIN_GROUP, QUERIED_GROUP = "/bench/plain", "/bench/json"
SERVICES = ("frontend_api", "activities", "users", "outside")
QUERY = "filter ispresent(client) | stats sum(calls) as calls by client, server"

Request = tuple[bytes, dict[str, str]]
Event = dict[str, Any]


def measure(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_at(Path(folder))
        with standin("aws", settings) as process:
            intakes = [
                sent(report, settings, Intake(process), group, kind, make)
                for group, kind, make in (
                    (PLAIN_GROUP, "plain events", plain_event),
                    (QUERIED_GROUP, "JSON events", json_event),
                )
            ]
            read_back(report, settings)
            intakes[0].tell_memory(report, "CloudWatch")
            tell_disk(report, "CloudWatch", settings, 2 * EVENTS)


def sent(
    report: Report,
    settings: Settings,
    intake: Intake,
    group: str,
    kind: str,
    make: Callable[[random.Random, int], Event],
) -> Intake:
    make_stream(settings, group)
    now, url = time.time_ns() // 1_000_000, settings.url("aws")
    made = []
    for number in range(EVENTS // EVENTS_PER_CALL):
        numbers = random.Random(number)
        made.append(signed(url, group, [make(numbers, now) for _ in range(EVENTS_PER_CALL)]))
    intake.timed(EVENTS, lambda: send_all(url, made))
    intake.write(report, f"CloudWatch, {kind}")
    return intake


def make_stream(settings: Settings, group: str) -> None:
    logs = aws_client(settings, "logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=STREAM)


def read_back(report: Report, settings: Settings) -> None:
    logs = aws_client(settings, "logs")
    pattern = '{ $.client = "users" && $.calls > 2 }'
    count, seconds = timed(lambda: filtered(logs, "outside"))
    report.add(f"CloudWatch: FilterLogEvents, {count:,} events with a term", seconds, "s")
    count, seconds = timed(lambda: filtered(logs, pattern))
    report.add(f"CloudWatch: FilterLogEvents, {count:,} events by a JSON pattern", seconds, "s")
    now = int(time.time())
    ask = {"logGroupName": QUERIED_GROUP, "queryString": QUERY, "startTime": now - 86_400, "endTime": now}
    _, seconds = timed(lambda: len(logs.start_query(**ask)["queryId"]))
    report.add(f"CloudWatch: Insights, stats over {EVENTS:,} events", seconds, "s")


def timed(call: Callable[[], int]) -> tuple[int, float]:
    began = time.perf_counter()
    return call(), time.perf_counter() - began


def filtered(logs: Any, pattern: str) -> int:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=QUERIED_GROUP, filterPattern=pattern
    )
    return sum(len(page["events"]) for page in pages)


def signed(url: str, group: str, events: list[Event]) -> Request:
    body = orjson.dumps({"logGroupName": group, "logStreamName": STREAM, "logEvents": events})
    headers = {"X-Amz-Target": "Logs_20140328.PutLogEvents", "Content-Type": "application/x-amz-json-1.1"}
    prepared = AWSRequest("POST", f"{url}/", headers=headers, data=body)
    keys = Credentials(LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY)
    SigV4Auth(keys, "logs", LOCAL_AWS_REGION).add_auth(prepared)
    return body, dict(prepared.headers.items())


def plain_event(numbers: random.Random, now: int) -> dict[str, Any]:
    line = f"GET /api/activities/home 200 {numbers.randrange(100)} ms trace={numbers.getrandbits(128):032x}"
    return {"timestamp": now, "message": line}


def json_event(numbers: random.Random, now: int) -> dict[str, Any]:
    message = {
        "client": numbers.choice(SERVICES),
        "server": numbers.choice(SERVICES),
        "calls": numbers.randrange(1, 5),
    }
    return {"timestamp": now, "message": orjson.dumps(message).decode()}


def send_all(url: str, made: list[Request]) -> None:
    def send(share: list[Request]) -> None:
        with requests.Session() as session:
            for body, headers in share:
                session.post(f"{url}/", data=body, headers=headers, timeout=30).raise_for_status()

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, [made[index::SENDERS] for index in range(SENDERS)]))
