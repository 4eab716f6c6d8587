"""Checks that a request is signed with the local key pair, as AWS checks its own: Signature Version 4."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from werkzeug.wrappers import Request

from threemaps.standins.aws_errors import AwsError

ALGORITHM = "AWS4-HMAC-SHA256"
TOLERANCE = timedelta(minutes=5)
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[\w-]+)/(?P<service>[\w-]+)/aws4_request"
    r",\s*SignedHeaders=(?P<headers>[a-z0-9;\-]+),\s*Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)
# As a Host header of HTTP/1.1, or what HTTP/2 has instead.
UNSIGNED_HOST = "'Host' or ':authority'"


def verify(
    request: Request,
    secrets: Mapping[str, str],
    now: datetime | None = None,
    *,
    region: str,
    service: str = "",
) -> None:
    """Raises AWS's refusal unless one of these key pairs signed it, just now, for this region and service.

    An empty service is any. Looked at in AWS's own order: the first thing that is wrong is reported.
    """
    header = request.headers.get("Authorization", "")
    if not header:
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    match = AUTHORIZATION.fullmatch(header)
    if match is None:
        raise AwsError(
            "IncompleteSignatureException", "Authorization header is not as Signature Version 4 has it", 403
        )
    stamp = request.headers.get("X-Amz-Date", "")
    _check_time(stamp, match["date"], now or datetime.now(UTC))
    names = match["headers"].split(";")
    _check_signed(request, names)
    _check_scope(match, region, service)
    secret = secrets.get(match["key"])
    if secret is None:
        raise AwsError(
            "UnrecognizedClientException", "The security token included in the request is invalid.", 403
        )
    if not hmac.compare_digest(_signature(request, match, names, stamp, secret), match["signature"]):
        raise _invalid(
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. "
            "Consult the service documentation for details."
        )


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidSignatureException", message, 403)


def _check_signed(request: Request, names: list[str]) -> None:
    """The host, and every header of AWS's own, which somebody on the way could have added."""
    if "host" not in names:
        raise _invalid(f"{UNSIGNED_HOST} must be a 'SignedHeader' in the AWS Authorization.")
    for name, _ in request.headers:
        if name.lower().startswith("x-amz-") and name.lower() not in names:
            raise _invalid(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def _check_scope(match: re.Match[str], region: str, service: str) -> None:
    wrong = []
    if match["region"] != region:
        wrong.append(f"Credential should be scoped to a valid region, not '{match['region']}'. ")
    if service and match["service"] != service:
        wrong.append(f"Credential should be scoped to correct service: '{service}'. ")
    if wrong:
        raise _invalid("".join(wrong))


def _check_time(stamp: str, date: str, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise AwsError(
            "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. See ISO-8601.", 403
        ) from None
    if not stamp.startswith(date):
        raise _invalid(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: {stamp}"
        )
    clock = now.strftime("%Y%m%dT%H%M%SZ")
    if signed_at < now - TOLERANCE:
        limit = (now - TOLERANCE).strftime("%Y%m%dT%H%M%SZ")
        raise _invalid(f"Signature expired: {stamp} is now earlier than {limit} ({clock} - 5 min.)")
    if signed_at > now + TOLERANCE:
        limit = (now + TOLERANCE).strftime("%Y%m%dT%H%M%SZ")
        raise _invalid(f"Signature not yet current: {stamp} is still later than {limit} ({clock} + 5 min.)")


def _signature(request: Request, match: re.Match[str], names: list[str], stamp: str, secret: str) -> str:
    scope = f"{match['date']}/{match['region']}/{match['service']}/aws4_request"
    digest = hashlib.sha256(_canonical(request, names).encode(errors="surrogateescape")).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in (match["date"], match["region"], match["service"], "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode(), "sha256").hex()


def _canonical(request: Request, names: list[str]) -> str:
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names)
    # What the sender says of the payload does not count: of these services none takes an unsigned one.
    payload = hashlib.sha256(request.get_data()).hexdigest()
    parts = (request.method, _path(request), _query(request), headers, ";".join(names), payload)
    return "\n".join(parts)


def _path(request: Request) -> str:
    """Encoded twice, as every service but S3 has it."""
    sent = str(request.environ.get("REQUEST_URI") or quote(request.path, safe="/-_.~"))
    return quote(sent.partition("?")[0], safe="/-_.~")


def _query(request: Request) -> str:
    text = request.query_string.decode("ascii", "surrogateescape")
    pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape")
    encoded = sorted((_encoded(name), _encoded(value)) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~", errors="surrogateescape")
