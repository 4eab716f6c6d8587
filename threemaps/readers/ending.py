"""botocore's HTTP with an end: by itself it reads whatever comes, for as long as it comes."""

from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as NothingCameError

from threemaps.readers.base import READ_SECONDS, SilentError, UnreadableError
from threemaps.readers.http import PART_BYTES, whole


class Ending:
    """Answers botocore's event `before-send` in place of the client's own session.

    An answer has the size of a page, not of a log group.
    """

    def __init__(self, session: URLLib3Session, vendor: str) -> None:
        self._session = session
        self._vendor = vendor

    def __call__(self, request: Any, **_: Any) -> AWSResponse:
        request.stream_output = True  # so that it is left to us to read
        try:
            response: Any = self._session.send(request)
        except ReadTimeoutError as error:
            raise self._silent() from error
        try:
            content = whole(response.raw.stream(PART_BYTES), self._vendor)
        except NothingCameError as error:
            raise self._silent() from error
        except HTTPError as error:
            raise ConnectionClosedError(endpoint_url=request.url, error=error, request=request) from error
        except UnreadableError:
            response.raw.close()
            raise
        return AWSResponse(response.url, response.status_code, response.headers, Body(content))

    def _silent(self) -> SilentError:
        """Not botocore's own error: it would try again, and wait as long each time."""
        return SilentError(
            f"{self._vendor} took the question and gave no answer within {READ_SECONDS} s",
            hint="try again; if it stays so, check the proxy, or start anew: `threemaps down; threemaps up`",
        )


class Body:
    """What has been read of an answer, as AWSResponse asks for it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content
