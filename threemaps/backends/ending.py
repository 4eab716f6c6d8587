"""botocore's HTTP with an end: by itself it reads whatever comes, for as long as it comes."""

from typing import Any

from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as NothingCameError

from threemaps.backends.base import UnreadableError
from threemaps.backends.http import PART_BYTES, whole


class Ending:
    """In the place of a client's HTTP session. Answers are of the size of a page, not of a log group."""

    def __init__(self, session: Any, vendor: str) -> None:
        self._session = session
        self._vendor = vendor

    def send(self, request: Any) -> Any:
        request.stream_output = True  # so that it is left to us to read
        response = self._session.send(request)
        try:
            response._content = whole(response.raw.stream(PART_BYTES), self._vendor)
        except NothingCameError as error:
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except HTTPError as error:
            raise ConnectionClosedError(endpoint_url=request.url, error=error, request=request) from error
        except UnreadableError:
            response.raw.close()
            raise
        return response

    def close(self) -> None:
        self._session.close()
