"""The MCP server: four tools, and resources for the last report and the glossary.

Nothing is sent and nothing is changed, unless the server was started with `allow_traffic`: then `doctor`
sends one request through the services, as the command does.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from threemaps import __version__
from threemaps.errors import UserError
from threemaps.mcp import shapes
from threemaps.settings import PROJECT, Settings

INSTRUCTIONS = """threemaps reads the service maps that Honeycomb, AWS X-Ray and CloudWatch draw of the same
requests, compares them and says why they differ. Begin with compare_maps. Where a backend shows nothing, ask
doctor. A difference with "expected": true follows from how the backends draw, and is no fault. null means not
known, never 0."""
GLOSSARY = PROJECT / "docs" / "glossary.md"
NO_REPORT = {"message": "no comparison was made yet: call compare_maps"}
DEFAULT_SINCE = "15m"


class Answers:
    """What the tools do. Settings are loaded at each call: a demo may have been started in between."""

    def __init__(self, *, allow_traffic: bool) -> None:
        self.allow_traffic = allow_traffic
        self.last_report: dict[str, Any] = dict(NO_REPORT)

    def compare_maps(
        self,
        sources: list[str] | None = None,
        since: str = DEFAULT_SINCE,
        service: str | None = None,
    ) -> shapes.Comparison:
        """Compares service maps, and gives the cause of each difference and what to do about it.

        sources: two or more of honeycomb, xray, cloudwatch, or files of saved maps; all three by default.
        since: how far the window reaches back from now, as 15m, 2h or 1d.
        service: only edges that touch a service of this name; * and ? are wildcards.
        """
        from threemaps.compare.side_by_side import compare_now
        from threemaps.model.windows import parse_since
        from threemaps.readers import BACKENDS

        with told_to_the_client():
            names = tuple(sources or BACKENDS)
            comparison = compare_now(reading(names), names, parse_since(since), service)
        self.last_report = comparison.to_json()
        return cast(shapes.Comparison, self.last_report)

    def read_map(self, source: str, since: str = DEFAULT_SINCE, service: str | None = None) -> shapes.ReadMap:
        """Reads one service map: who calls whom, how often, with how many faults, how fast.

        source: honeycomb, xray, cloudwatch, or a file of a saved map.
        since: how far the window reaches back from now, as 15m, 2h or 1d.
        service: only edges that touch a service of this name; * and ? are wildcards.
        """
        from threemaps.compare.side_by_side import snapshot_now
        from threemaps.model.windows import parse_since

        with told_to_the_client():
            found, drawn = snapshot_now(reading((source,)), source, parse_since(since), service)
        return {
            "window": cast(shapes.Window, found.window.to_json()),
            "source": source,
            "read_through": found.read_through,
            "remarks": list(found.remarks),
            "map": cast(shapes.Map, drawn.to_json()),
        }

    def get_trace(self, trace_id: str, attributes: bool = False) -> shapes.Trace:
        """One trace as Honeycomb and X-Ray hold it, and the spans that only one of them holds.

        trace_id: 32 hex digits, or X-Ray's form of it, 1-8hex-24hex.
        attributes: every span with its attributes.
        """
        from threemaps.readers.traces import as_json, differences, read_trace, trace_id_of

        with told_to_the_client():
            plain = trace_id_of(trace_id)
            held = read_trace(reading(("honeycomb", "xray")), plain, datetime.now(UTC), attributes=attributes)
            shown = as_json(plain, held, differences(held), attributes=attributes)
        return cast(shapes.Trace, shown)

    def doctor(self) -> shapes.Diagnosis:
        """Walks the chain from service to backend, and names the first broken link and what to type next."""
        from threemaps.doctor import check_chain
        from threemaps.doctor.check import as_json

        with told_to_the_client():
            checks = check_chain(Settings.load(), send=self.allow_traffic)
        return cast(shapes.Diagnosis, as_json(checks))

    def last(self) -> str:
        """The last answer of compare_maps, as JSON."""
        return json.dumps(self.last_report, indent=2)


def glossary() -> str:
    """What the words mean."""
    return GLOSSARY.read_text(encoding="utf-8")


def reading(sources: Sequence[str]) -> Settings:
    from threemaps.readers.accounts import reading_settings

    return reading_settings(Settings.load(), sources)[0]


@contextmanager
def told_to_the_client() -> Iterator[None]:
    """What a user would read becomes the error of the call."""
    try:
        yield
    except UserError as error:
        raise ToolError(f"{error.message} → {error.hint}" if error.hint else error.message) from None


def create_server(*, allow_traffic: bool = False) -> MCPServer:
    answers = Answers(allow_traffic=allow_traffic)
    server = MCPServer("threemaps", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING")
    tools: list[Callable[..., Any]] = [
        answers.compare_maps,
        answers.read_map,
        answers.get_trace,
        answers.doctor,
    ]
    for tool in tools:
        sends = tool == answers.doctor and allow_traffic
        server.add_tool(tool, annotations=ToolAnnotations(read_only_hint=not sends, open_world_hint=True))
    server.resource("threemaps://report/last", mime_type="application/json")(answers.last)
    server.resource("threemaps://glossary", mime_type="text/markdown")(glossary)
    return server
