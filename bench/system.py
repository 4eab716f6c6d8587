"""The whole system on this machine: start, freshness, load, memory. One system is used for all of it.

Freshness: the n-th answer is visible in a map as soon as that map counts n calls. Load: steps of five
seconds, each faster than the last, until one is not kept up with, or a map does not count every call made.
"""

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import requests

from bench.processes import cpu_seconds, wait_until
from bench.report import Report, median, percentile
from tests.running import CLI, System
from threemaps.demo.traffic import Traffic
from threemaps.model.difference import Window
from threemaps.readers import open_backend
from threemaps.settings import PROJECT

IDLE_SECONDS = 30  # queues drain, heaps are given back, and the stores rest, which they do after 5 to 15 s
ABOUT = "start, freshness, load and memory of everything together"
HOME = ("/api/activities/home",)
MAPS = ("honeycomb", "xray", "cloudwatch")
FRESH_RATE, FRESH_SECONDS = 50, 8
LOAD_RATES, STEP_SECONDS = (50, 75, 100, 150, 200, 300, 400, 600), 5
KEPT_UP = 0.95
REQUESTS_BEFORE_IDLE = 10_000
TOP_UP_SECONDS = 120
SETTLE_SECONDS = 40


def measure(report: Report) -> None:
    help_seconds = median(seconds_of("--help") for _ in range(5))
    report.add("threemaps --help", help_seconds * 1000, "ms", "≤ 150 ms")
    with tempfile.TemporaryDirectory() as folder:
        system = System.at(Path(folder))
        try:
            with report.attempting("demo"):
                demo(report, system)
            system.run("down")
            with report.attempting("up"):
                up(report, system)
            watched(report, system)
        finally:
            system.run("down")


def watched(report: Report, system: System) -> None:
    sent = 0
    with report.attempting("freshness"):
        sent += freshness(report, system)
    with report.attempting("load"):
        sent += load(report, system)
    with report.attempting("memory"):
        memory(report, system, sent)


def seconds_of(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([CLI, *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began


def demo(report: Report, system: System) -> None:
    """From nothing running to the verdict, by the lines that it prints."""
    began = time.perf_counter()
    child = subprocess.Popen(
        [CLI, "demo"],
        env={**system.environment, "PYTHONUNBUFFERED": "1"},
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert child.stdout is not None
    marks: dict[str, float] = {}
    for line in child.stdout:
        now = time.perf_counter() - began
        for mark in ("Starting", "  web", "Of ", "The page"):
            if line.startswith(mark):
                marks.setdefault(mark, now)
    code = child.wait()
    whole = time.perf_counter() - began
    report.add(f"demo: to the verdict (exit {code})", whole, "s", "≤ 15 s")
    parts = (
        ("settings, collector's binary, ports", "", "Starting"),
        ("all processes started and healthy", "Starting", "  web"),
        ("40 requests, and until the maps stand still", "  web", "Of "),
        ("arrivals asked, comparison drawn", "Of ", "The page"),
    )
    for name, first, last in parts:
        if last in marks:
            report.add(f"… {name}", marks[last] - marks.get(first, 0.0), "s")


def up(report: Report, system: System) -> None:
    """When each process answers for the first time, counted from the start of the command."""
    urls = {
        **{name: f"{system.settings.url(name)}/healthz" for name in ("honeycomb", "aws", "rollbar", "web")},
        **{
            name: f"{system.settings.url(name)}/api/health"
            for name in ("frontend_api", "activities", "users")
        },
        "collector": system.settings.url("health"),
    }
    began = time.perf_counter()
    with ThreadPoolExecutor(len(urls)) as pool:
        first = {name: pool.submit(first_answer, url, began) for name, url in urls.items()}
        system.up()
        whole = time.perf_counter() - began
        report.add("up: until all is healthy", whole, "s", "≤ 6 s")
        for name, answered in sorted(first.items(), key=lambda item: item[1].result()):
            report.add(f"… {name} answers after", answered.result(), "s")


def first_answer(url: str, began: float) -> float:
    def answers() -> bool:
        try:
            return requests.get(url, timeout=1).ok
        except requests.RequestException:
            return False

    wait_until(answers, 60, f"no answer from {url}")
    return time.perf_counter() - began


def calls_in(system: System, backend: str, since: datetime) -> int:
    """Calls from frontend_api to activities, one a request, as threemaps' own reader finds them."""
    window = Window(since, datetime.now(UTC) + timedelta(seconds=2))
    held = open_backend(backend, system.settings).read_map(window)
    return sum(
        edge.requests or 0
        for edge in held.edges
        if (edge.source.name, edge.target.name) == ("frontend_api", "activities")
    )


def next_second() -> datetime:
    """Vendors know whole seconds: begin with one."""
    begin = int(time.time()) + 1
    time.sleep(begin - time.time())
    return datetime.fromtimestamp(begin, UTC)


def freshness(report: Report, system: System) -> int:
    count = FRESH_RATE * FRESH_SECONDS
    since = next_second()
    answered: list[float] = []
    seen: dict[str, list[tuple[float, int]]] = {name: [] for name in MAPS}
    traffic = Traffic(system.settings.url("frontend_api"), HOME, count, FRESH_RATE)

    def watch(name: str) -> None:
        deadline = time.monotonic() + FRESH_SECONDS + SETTLE_SECONDS
        while time.monotonic() < deadline and (not seen[name] or seen[name][-1][1] < count):
            counted = calls_in(system, name, since)
            seen[name].append((time.perf_counter(), counted))
            time.sleep(0.1)

    threads = [threading.Thread(target=watch, args=(name,)) for name in MAPS]
    for thread in threads:
        thread.start()
    traffic.run(lambda: answered.append(time.perf_counter()))
    for thread in threads:
        thread.join()
    everywhere: list[float] = []
    for name in MAPS:
        delays = delays_of(answered, seen[name])
        if len(delays) < count:
            report.say(f"{name}: not all calls came", f"{len(delays)} of {count}")
        everywhere = [max(pair) for pair in zip(everywhere or delays, delays, strict=False)]
        report.add(f"freshness, {name}: p50", percentile(delays, 0.5), "s")
        report.add(f"freshness, {name}: p95", percentile(delays, 0.95), "s")
    report.add(f"freshness, all three at {FRESH_RATE} requests/s: p50", percentile(everywhere, 0.5), "s")
    report.add(
        f"freshness, all three at {FRESH_RATE} requests/s: p95", percentile(everywhere, 0.95), "s", "≤ 2 s"
    )
    return count


def delays_of(answered: list[float], seen: list[tuple[float, int]]) -> list[float]:
    delays = []
    for number, moment in enumerate(sorted(answered), 1):
        visible = next((at for at, counted in seen if counted >= number), None)
        if visible is not None:
            delays.append(max(0.0, visible - moment))
    return delays


def load(report: Report, system: System) -> int:
    sent, best, stopped = 0, 0.0, "it was not reached"
    for rate in LOAD_RATES:
        since, before = next_second(), collector_cpu(system)
        began = time.perf_counter()
        done = Traffic(system.settings.url("frontend_api"), HOME, rate * STEP_SECONDS, rate).run(lambda: None)
        seconds = time.perf_counter() - began
        sent += done.sent
        wrong = inexact(system, since, done.ok)
        reached = done.ok / seconds
        collector = (collector_cpu(system) - before) / max(1, done.ok)
        report.say(
            f"load: {rate} requests/s asked for",
            f"{reached:.0f} answered/s, {done.failed} failed, {wrong or 'maps exact'}; "
            f"collector {collector * 1000:.1f} ms CPU a request",
        )
        if wrong or done.failed:
            stopped = f"{done.failed} failed, {wrong}"
            break
        best = max(best, reached)
        if reached < KEPT_UP * rate:
            stopped = "the services, whose CPU is used up; nothing is lost"
            break
    report.add("load: highest rate with every map exact", best, "requests/s")
    report.say("load: what gives way first", stopped)
    return sent


def inexact(system: System, since: datetime, count: int) -> str:
    """Which maps do not have every call, after they had time to."""
    wrong = []
    for name in MAPS:
        found = settled(lambda name=name: calls_in(system, name, since), count)
        if found != count:
            wrong.append(f"{name} counts {found} of {count}")
    return ", ".join(wrong)


def settled(read: Callable[[], int], count: int) -> int:
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := read()) < count and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def collector_cpu(system: System) -> float:
    return cpu_seconds([psutil.Process(system.status()["collector"]["pid"])])


def memory(report: Report, system: System, sent: int) -> None:
    deadline = time.monotonic() + TOP_UP_SECONDS
    while sent < REQUESTS_BEFORE_IDLE and time.monotonic() < deadline:
        some = min(500, REQUESTS_BEFORE_IDLE - sent)
        sent += Traffic(system.settings.url("frontend_api"), HOME, some, 0).run(lambda: None).sent
    time.sleep(IDLE_SECONDS)
    total_pss = total_rss = 0.0
    for name, members in processes(system).items():
        known = [member.memory_full_info() for member in members]
        pss, rss = sum(one.pss for one in known) / 1e6, sum(one.rss for one in known) / 1e6
        total_pss, total_rss = total_pss + pss, total_rss + rss
        report.say(f"memory: {name} ({len(members)} processes)", f"{pss:.0f} MB PSS, {rss:.0f} MB RSS")
    report.add(f"memory: all, idle after {sent:,} requests, PSS", total_pss, "MB", "≤ 400 MB")
    report.add("memory: all, RSS (counts shared pages once a process)", total_rss, "MB")


def processes(system: System) -> dict[str, list[psutil.Process]]:
    """All that live in a session which the launcher began."""
    from threemaps.demo.lifecycle import records

    found = records(system.settings).load()
    return {name: running.members() for name, running in found.items() if running.alive}
