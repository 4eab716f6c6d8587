"""How fast CloudWatch's stand-in takes events in and gives them back: `bench/ingest_cloudwatch.py [EVENTS]`.

The stand-in runs as a process of its own. Half of the events are plain lines, half map metrics, 1,000 a call,
signed, over HTTP. Bodies are made beforehand, so that only the server is measured.
"""

import os
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import Popen
from typing import Any

import boto3
import orjson
import psutil
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from threemaps.settings import LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_REGION, LOCAL_AWS_SECRET_ACCESS_KEY

EVENTS = 200_000
EVENTS_PER_CALL = 1_000
SENDERS = 2
GROUP, STREAM = "/threemaps/servicemap", "bench"
SERVICES = ("frontend_api", "activities", "users", "outside")
Request = tuple[bytes, dict[str, str]]


def main(events: int) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as state:
        environ = {**os.environ, "THREEMAPS_STATE": state, "THREEMAPS_PORT_AWS": str(port)}
        server = Popen([sys.executable, "-m", "threemaps.standins", "aws"], env=environ)
        try:
            wait_until_healthy(url)
            report(url, events, psutil.Process(server.pid), Path(state))
        finally:
            server.terminate()
            server.wait()


def report(url: str, events: int, process: psutil.Process, state: Path) -> None:
    logs = client("logs", url)
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    calls = events // EVENTS_PER_CALL
    for kind, make in (("plain", plain_event), ("map", map_event)):
        requests_made = [signed(url, random.Random(number), make) for number in range(calls)]
        began, cpu = time.perf_counter(), process.cpu_times()
        send_all(url, requests_made)
        seconds, used = time.perf_counter() - began, process.cpu_times()
        busy = used.user - cpu.user + used.system - cpu.system
        print(f"{events:,} {kind} events in {seconds:.2f} s: {events / seconds:,.0f} events/s")
        print(f"CPU of the stand-in: {busy / events * 1e6:.1f} µs an event")
    read_back(url, logs, events)
    print(f"memory of the stand-in: {process.memory_info().rss / 1e6:,.0f} MB")
    size = sum(file.stat().st_size for file in (state / "data").iterdir())
    print(f"on disk: {size / 1e6:,.1f} MB, {size / events / 2:.0f} bytes an event")


def read_back(url: str, logs: Any, events: int) -> None:
    pattern = '{ $.client = "users" && $.calls > 2 }'
    count, seconds = timed(lambda: filtered(logs, "_aws"))
    print(f"FilterLogEvents, all {count:,} map events: {seconds:.2f} s")
    assert count == events
    count, seconds = timed(lambda: filtered(logs, pattern))
    print(f"FilterLogEvents, {count:,} that fit a JSON pattern: {seconds:.2f} s")
    found, seconds = timed(lambda: client("cloudwatch", url).list_metrics(Namespace="threemaps")["Metrics"])
    print(f"ListMetrics, {len(found)} metrics: {seconds:.2f} s")
    query = "filter ispresent(client) | stats sum(calls) as calls by client, server"
    now = int(time.time())
    began = {"startTime": now - 86_400, "endTime": now}
    _, seconds = timed(lambda: logs.start_query(logGroupName=GROUP, queryString=query, **began))
    print(f"Insights, stats over {2 * events:,} events: {seconds:.2f} s")


def filtered(logs: Any, pattern: str) -> int:
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, filterPattern=pattern)
    return sum(len(page["events"]) for page in pages)


def timed(call: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    return call(), time.perf_counter() - began


def signed(url: str, numbers: random.Random, make: Any) -> Request:
    now = time.time_ns() // 1_000_000
    body = orjson.dumps(
        {
            "logGroupName": GROUP,
            "logStreamName": STREAM,
            "logEvents": [make(numbers, now) for _ in range(EVENTS_PER_CALL)],
        }
    )
    headers = {"X-Amz-Target": "Logs_20140328.PutLogEvents", "Content-Type": "application/x-amz-json-1.1"}
    prepared = AWSRequest("POST", f"{url}/", headers=headers, data=body)
    keys = Credentials(LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY)
    SigV4Auth(keys, "logs", LOCAL_AWS_REGION).add_auth(prepared)
    return body, dict(prepared.headers.items())


def plain_event(numbers: random.Random, now: int) -> dict[str, Any]:
    line = f"GET /api/activities/home 200 {numbers.randrange(100)} ms trace={numbers.getrandbits(128):032x}"
    return {"timestamp": now, "message": line}


def map_event(numbers: random.Random, now: int) -> dict[str, Any]:
    directive = {
        "Namespace": "threemaps",
        "Dimensions": [["client", "server"]],
        "Metrics": [{"Name": "calls", "Unit": "Count"}],
    }
    message = {
        "_aws": {"Timestamp": now, "CloudWatchMetrics": [directive]},
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


def client(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=LOCAL_AWS_REGION,
        aws_access_key_id=LOCAL_AWS_ACCESS_KEY_ID,
        aws_secret_access_key=LOCAL_AWS_SECRET_ACCESS_KEY,
    )


def wait_until_healthy(url: str) -> None:
    for _ in range(200):
        try:
            if requests.get(f"{url}/healthz", timeout=1).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise SystemExit("the stand-in did not start")


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
