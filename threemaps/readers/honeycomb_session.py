"""A session with Honeycomb's MCP server: how it gets in, its tools, and what they answer."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from threemaps.basics import nearby
from threemaps.readers.base import CONNECT_SECONDS, READ_SECONDS, UnreadableError
from threemaps.readers.honeycomb_account import key_of
from threemaps.readers.honeycomb_login import COMMAND, Kept, kept_login
from threemaps.readers.honeycomb_refusals import SCOPES, KeyRefusedError
from threemaps.settings import USER_AGENT, Settings

if TYPE_CHECKING:
    from mcp.client.auth import OAuthClientProvider

SERVICE_MAP, RUN_QUERY, WORKSPACE = "get_service_map", "run_query", "get_workspace_context"
Call = tuple[str, dict[str, Any]]
KEY_REFUSED = (
    "Honeycomb's MCP server does not take the management key",
    f"HONEYCOMB_MANAGEMENT_KEY is ID:SECRET, with the scopes {SCOPES}, made by a team owner; Honeycomb "
    "Intelligence has to be on for the team",
)
LOGIN_REFUSED = (
    "Honeycomb's MCP server does not take the login, which may have ended",
    f"{COMMAND}; Honeycomb Intelligence has to be on for the team",
)


@dataclass(frozen=True, slots=True)
class Access:
    """What goes along with a request: a key in a header, or what a person's login gave."""

    headers: Mapping[str, str]
    refused: tuple[str, str]  # what to say where it is not taken, and what to do
    login: "Callable[[], OAuthClientProvider | None]" = lambda: None

    @classmethod
    def of(cls, settings: Settings) -> "Access | None":
        """The user's own key counts before a login, a login before the local Honeycomb's public key."""
        kept, key = Kept.of(settings), key_of(settings, "HONEYCOMB_MANAGEMENT_KEY")
        if kept.is_there and not (key and settings.honeycomb_is_real):
            return cls.by_login(lambda: kept_login(kept))
        return cls({"Authorization": f"Bearer {key}"}, KEY_REFUSED) if key else None

    @classmethod
    def by_login(cls, login: "Callable[[], OAuthClientProvider | None]") -> "Access":
        return cls({}, LOGIN_REFUSED, login)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool's answer."""

    text: str
    failed: bool


class Session:
    """Connects for each question; an UnreadableError where nobody answers, or it may not."""

    def __init__(self, url: str, access: Access) -> None:
        self.url = url
        self._access = access
        self._status = 0

    def tools(self) -> Mapping[str, frozenset[str]]:
        """The tools that this team's plan has, each with the names of its arguments."""

        async def listed(client: Any) -> Mapping[str, frozenset[str]]:
            found, cursor = {}, None
            while True:
                page = await client.list_tools(cursor=cursor)
                for tool in page.tools:
                    found[tool.name] = frozenset((tool.input_schema or {}).get("properties") or {})
                cursor = page.next_cursor
                if not cursor:
                    return found

        tools: Mapping[str, frozenset[str]] = self._session(listed)
        if RUN_QUERY not in tools and SERVICE_MAP not in tools:
            offered = ", ".join(sorted(tools)) or "nothing"
            raise KeyRefusedError(
                f"Honeycomb's MCP server offers no {RUN_QUERY} here, but {offered}",
                hint=self._access.refused[1],
            )
        return tools

    def call(self, calls: Sequence[Call]) -> list[ToolResult]:
        async def called(client: Any) -> list[ToolResult]:
            answers = [await client.call_tool(name, arguments) for name, arguments in calls]
            return [
                ToolResult("\n".join(getattr(part, "text", "") for part in one.content), one.is_error is True)
                for one in answers
            ]

        found: list[ToolResult] = self._session(called)
        return found

    def _session(self, work: Callable[[Any], Any]) -> Any:
        """What `work` makes of a connected client. Each session has a loop of its own, in whatever thread."""
        import httpx2
        from mcp import MCPError
        from mcp.client.auth import OAuthFlowError

        try:
            # In a thread, since the caller's may have a loop that runs: a test's, or an assistant's.
            with ThreadPoolExecutor(max_workers=1) as pool:
                return pool.submit(lambda: asyncio.run(self._connected(work))).result()
        except (
            MCPError,
            OAuthFlowError,
            httpx2.HTTPError,
            ExceptionGroup,
            TimeoutError,
            OSError,
            ValueError,
        ) as error:
            raise self._refused(error) from error

    async def _connected(self, work: Callable[[Any], Any]) -> Any:
        import httpx2
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        self._status = 0

        async def note(response: httpx2.Response) -> None:
            self._status = response.status_code

        headers = {**self._access.headers, "User-Agent": USER_AGENT}
        is_near = urlsplit(self.url).hostname in nearby.LOOPBACK
        async with (
            httpx2.AsyncClient(
                headers=headers,
                auth=self._access.login(),
                timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
                trust_env=not is_near,
                event_hooks={"response": [note]},
            ) as http,
            Client(
                streamable_http_client(self.url, http_client=http), read_timeout_seconds=READ_SECONDS
            ) as client,
        ):
            return await work(client)

    def _refused(self, error: Exception) -> UnreadableError:
        if said := next(_within(error), None):
            return said
        if self._status in (401, 403):
            message, hint = self._access.refused
            return KeyRefusedError(f"{message} ({self._status})", hint=hint)
        if self._status == 429:
            return UnreadableError(
                "Honeycomb's MCP server is limiting the rate of requests", hint="wait a minute"
            )
        why = f"it answers {self._status}" if self._status >= 400 else "nothing answers there"
        if 0 < self._status < 400:
            why = f"its answer makes no sense ({in_a_line(str(error))})"
        return UnreadableError(
            f"Honeycomb's MCP server at {self.url} could not be asked: {why}",
            hint="check the network, the proxy and HONEYCOMB_MCP_ENDPOINT (EU: https://mcp.eu1.honeycomb.io/mcp)",
        )


def _within(error: BaseException) -> Iterator[UnreadableError]:
    """What was said already, in whatever the loop made of it."""
    if isinstance(error, UnreadableError):
        yield error
    for one in (*getattr(error, "exceptions", ()), error.__cause__, error.__context__):
        if one is not None:
            yield from _within(one)


def in_a_line(text: str) -> str:
    return " ".join(text.split())[:160] or "no reason given"
