"""The backends: clock, region, AWS's keys, log groups."""

import time
from email.utils import parsedate_to_datetime
from typing import Any

import botocore.session
import requests

from threemaps.account.provision import load
from threemaps.basics import nearby
from threemaps.doctor.check import Check, broken, good, unseen
from threemaps.doctor.pipelines import AWS_KEYS
from threemaps.doctor.walk import SECONDS, Walk
from threemaps.errors import UserError
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.pages import pages
from threemaps.settings import SERVICE_LOG_GROUP, Settings

LINK = "backend"
MOST_SKEW = 120  # seconds; AWS refuses signatures that are five minutes off
UP = "threemaps up"


def check_clock(walk: Walk) -> Check:
    """Vendors say what time it is in every answer."""
    asked: list[str] = []
    for url in (walk.settings.honeycomb_api, walk.settings.aws_endpoint or aws_url(walk.settings)):
        try:
            with nearby.session_for(url) as session:
                stated = session.head(url, timeout=SECONDS).headers.get("Date", "")
            ahead = time.time() - parsedate_to_datetime(stated).timestamp()
        except (requests.RequestException, TypeError, ValueError):
            continue
        asked.append(url)
        if abs(ahead) > MOST_SKEW:
            how = "ahead of" if ahead > 0 else "behind"
            detail = f"this machine's clock is {abs(ahead):.0f} s {how} that of {url}"
            return broken(LINK, "clock", detail, "sudo timedatectl set-ntp true")
    if not asked:
        return unseen(LINK, "clock", "this machine's clock: neither Honeycomb nor AWS stated the time")
    return good(LINK, "clock", f"this machine's clock agrees with that of {' and '.join(asked)}")


def aws_url(settings: Settings) -> str:
    return f"https://sts.{settings.aws_region}.amazonaws.com"


def check_region(walk: Walk) -> Check:
    """A region that exists and has X-Ray."""
    region = walk.settings.aws_region
    session = botocore.session.Session()
    known = {
        one
        for partition in session.get_available_partitions()
        for one in session.get_available_regions("xray", partition)
    }
    if region not in known:
        detail = f"AWS_REGION={region} is no region that has X-Ray"
        return broken(LINK, "region", detail, f"export AWS_REGION=us-east-1 && {UP}")
    return good(LINK, "region", f"{region} is a region of AWS that has X-Ray")


def check_aws_keys(walk: Walk) -> Check:
    """Signed with the same credentials as the readers: who are we?"""
    step = f"{AWS_KEYS} && {UP}" if walk.settings.aws_is_real else UP
    try:
        who = identity(walk.settings)
    except UserError as error:
        return broken(LINK, "AWS keys", error.message, step)
    return good(LINK, "AWS keys", f"AWS accepts the keys of {who.get('Arn', 'somebody')}")


def identity(settings: Settings) -> Any:
    with reasons(settings, "STS", "sts:GetCallerIdentity"):
        return aws_client(settings, "sts").get_caller_identity()


def check_log_groups(walk: Walk) -> Check:
    """The OTLP endpoint for logs makes neither the group nor the stream."""
    try:
        streams = streams_of(walk.settings, SERVICE_LOG_GROUP)
    except UserError as error:
        return broken(LINK, "log groups", error.message, error.hint)
    if streams is None:
        return broken(LINK, "log groups", f"there is no log group {SERVICE_LOG_GROUP}", "threemaps provision")
    missing = [name for one in load("log-streams") if (name := one["logStreamName"]) not in streams]
    if missing:
        detail = f"{SERVICE_LOG_GROUP} has no stream {missing[0]}, so log records are refused"
        return broken(LINK, "log groups", detail, "threemaps provision")
    return good(LINK, "log groups", f"{SERVICE_LOG_GROUP} is there, with its stream")


def streams_of(settings: Settings, group: str) -> list[str] | None:
    """The names of its streams; None where there is no such group."""
    logs = aws_client(settings, "logs")
    with reasons(settings, "CloudWatch Logs", "logs:DescribeLogStreams"):
        try:
            read = pages(
                logs.describe_log_streams, "nextToken", f"the streams of {group}", logGroupName=group
            )
            return [str(one["logStreamName"]) for page in read for one in page.get("logStreams") or []]
        except logs.exceptions.ResourceNotFoundException:
            return None
