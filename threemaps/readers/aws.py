"""boto3 clients for the account that was asked for, and a reason for everything that AWS refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
)
from botocore.httpsession import URLLib3Session
from botocore.loaders import Loader, create_loader
from botocore.parsers import ResponseParserError
from botocore.utils import get_environ_proxies

from threemaps.readers.base import CONNECT_SECONDS, READ_SECONDS, SilentError, UnreadableError
from threemaps.readers.ending import Ending
from threemaps.settings import LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY, Settings

# boto3's name → the end of AWS_ENDPOINT_URL_…
SERVICE_IDS = {
    "application-signals": "APPLICATION_SIGNALS",
    "cloudwatch": "CLOUDWATCH",
    "logs": "CLOUDWATCH_LOGS",
    "sts": "STS",
    "xray": "XRAY",
}
BAD_KEYS = (
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "AuthFailure",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
)
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
BAD_SIGNATURE = (
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "IncompleteSignatureException",
)
REFUSED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "OptInRequired")
THROTTLED = (
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "LimitExceededException",
)
# botocore parses answers without distrust: what is no JSON or XML or has wrong types ends in one of these.
NOT_AS_DESCRIBED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError)


def aws_client(settings: Settings, service: str) -> Any:
    """A client with time limits and bounded retries. In local mode no profile and no proxy has a say."""
    try:
        core = _session(settings)
        core.register_component("data_loader", _service_models())
        client = boto3.Session(botocore_session=core).client(
            service,
            region_name=settings.aws_region,
            endpoint_url=endpoint_of(settings, service),
            config=Config(
                retries={"mode": "standard", "max_attempts": 5},
                user_agent_extra="threemaps",
            ),
        )
        transport: dict[str, Any] = {
            "verify": core.get_config_variable("ca_bundle") or settings.get("REQUESTS_CA_BUNDLE") or True,
            "proxies": get_environ_proxies(client.meta.endpoint_url) if settings.aws_is_real else {},
            "timeout": (CONNECT_SECONDS, READ_SECONDS),
        }
    except (BotoCoreError, ValueError) as error:
        raise explained(error, service, settings) from error
    client.meta.events.register("before-send", Ending(URLLib3Session(**transport), f"AWS ({service})"))
    return client


def endpoint_of(settings: Settings, service: str) -> str | None:
    """AWS's own variable for the service goes before that for all; None where neither is set."""
    own = settings.get(f"AWS_ENDPOINT_URL_{SERVICE_IDS[service]}") if settings.aws_is_real else ""
    return own or settings.aws_endpoint


@cache
def _service_models() -> Loader:
    """AWS's descriptions of its services, read once: most of a client's cost, in time and in memory."""
    return create_loader()


def _session(settings: Settings) -> botocore.session.Session:
    if not settings.aws_is_real:
        core = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
        core.set_credentials(LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY)
        return core
    # `.env` may hold what the environment does not.
    key, secret = settings.get("AWS_ACCESS_KEY_ID"), settings.get("AWS_SECRET_ACCESS_KEY")
    if not (key and secret):
        return botocore.session.Session(profile=settings.get("AWS_PROFILE") or None)
    core = botocore.session.Session()
    core.set_credentials(key, secret, settings.get("AWS_SESSION_TOKEN") or None)
    return core


@contextmanager
def reasons(settings: Settings, vendor: str, permission: str) -> Iterator[None]:
    """Turns whatever boto3 raises inside into what failed and what to do."""
    try:
        yield
    except (BotoCoreError, ClientError, HTTPClientError) as error:
        raise explained(error, vendor, settings, permission) from error
    except (ResponseParserError, *NOT_AS_DESCRIBED) as error:
        raise UnreadableError(
            f"{vendor} gave an answer that cannot be read ({type(error).__name__})",
            hint="a proxy in between? AWS_ENDPOINT_URL moves the address",
        ) from error


def explained(error: Exception, vendor: str, settings: Settings, permission: str = "") -> UnreadableError:
    if isinstance(error, ClientError):
        return _explained_refusal(error, vendor, permission)
    where = settings.aws_endpoint or f"AWS in {settings.aws_region}"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return UnreadableError(
            f"{vendor} cannot be read without AWS credentials",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run `aws sso login`",
        )
    if isinstance(error, ProfileNotFound):
        return UnreadableError(
            f"{error}", hint="correct AWS_PROFILE, or add the profile with `aws configure`"
        )
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError | SSLError):
        why = {
            ConnectTimeoutError: f"no connection within {CONNECT_SECONDS} s",
            SSLError: "its certificate is not trusted",
        }.get(type(error), "nothing answers there")
        hint = (
            f"check the network and the proxy; is {settings.aws_region} the right AWS_REGION?"
            if settings.aws_is_real
            else "start the demo with `threemaps up`, or name your own account: THREEMAPS_BACKENDS=aws"
        )
        kind = SilentError if isinstance(error, ConnectTimeoutError) else UnreadableError
        return kind(f"{vendor} at {where} could not be reached: {why}", hint=hint)
    return UnreadableError(
        f"{vendor} at {where} could not be read: {error}"[:300], hint="run `threemaps doctor`"
    )


def _explained_refusal(error: ClientError, vendor: str, permission: str) -> UnreadableError:
    details = error.response.get("Error", {})
    code = str(details.get("Code", "")).rpartition("#")[2]
    said = " ".join(str(details.get("Message", "")).split())[:160] or "no reason given"
    if code in BAD_SIGNATURE or code == "RequestTimeTooSkewed":
        off = any(word in said.lower() for word in ("not yet current", "expired", "skew"))
        return UnreadableError(
            f"{vendor} refuses the signature ({code}: {said})",
            hint="this machine's clock is off: set it (`timedatectl set-ntp true`)"
            if off or code == "RequestTimeTooSkewed"
            else "the secret key does not belong to the access key, or this machine's clock is off",
        )
    if code in EXPIRED:
        return UnreadableError(
            f"{vendor} says that the credentials have expired ({said})",
            hint="renew them, as with `aws sso login`",
        )
    if code in BAD_KEYS:
        return UnreadableError(
            f"{vendor} does not know the AWS access key ({code}: {said})",
            hint="check AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_SESSION_TOKEN; try `aws sts get-caller-identity`",
        )
    if code in REFUSED:
        return UnreadableError(
            f"{vendor} refuses these credentials the permission {permission} ({said})",
            hint=f"allow {permission} in the IAM policy of whoever reads (aws/ has a policy that does)",
        )
    if code in THROTTLED:
        return UnreadableError(f"{vendor} is throttling ({said})", hint="wait a minute and run it again")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status >= 500:
        return UnreadableError(
            f"{vendor} failed with {status} again and again ({said})", hint="try again later"
        )
    return UnreadableError(f"{vendor} answered {code or status}: {said}", hint="run `threemaps doctor`")
