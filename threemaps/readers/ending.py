"""botocore's HTTP with an end: by itself it reads whatever comes, for as long as it comes."""

from typing import Any

from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as NothingCameError

from threemaps.readers.base import READ_SECONDS, SilentError, UnreadableError
from threemaps.readers.http import PART_BYTES, whole


class Ending:
    """In the place of a client's HTTP session. Answers are of the size of a page, not of a log group."""

    def __init__(self, session: Any, vendor: str) -> None:
        self._session = session
        self._vendor = vendor

    def send(self, request: Any) -> Any:
        request.stream_output = True  # so that it is left to us to read
        try:
            response = self._session.send(request)
        except ReadTimeoutError as error:
            raise self._silent() from error
        try:
            response._content = whole(response.raw.stream(PART_BYTES), self._vendor)
        except NothingCameError as error:
            raise self._silent() from error
        except HTTPError as error:
            raise ConnectionClosedError(endpoint_url=request.url, error=error, request=request) from error
        except UnreadableError:
            response.raw.close()
            raise
        return response

    def _silent(self) -> SilentError:
        """Not botocore's own error: it would try again, and wait as long each time."""
        return SilentError(
            f"{self._vendor} took the question and gave no answer within {READ_SECONDS} s",
            hint="try again; if it stays so, check the proxy, or start anew: `threemaps down; threemaps up`",
        )

    def close(self) -> None:
        self._session.close()
