"""What is switched for the whole account and region: Transaction Search, and Application Signals' discovery.

Other applications in the account live with it, too: so it is made when asked for, and never taken back.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from threemaps.account.resource import Properties, Resource
from threemaps.errors import UserError
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.pages import pages
from threemaps.readers.transaction_search import (
    INDEXING_RULE,
    SEARCHED,
    indexed_percentage,
    is_searched,
)
from threemaps.settings import Settings

POLICY = "threemaps-transaction-search"
ALL = {"Probabilistic": {"DesiredSamplingPercentage": 100}}
SPAN_GROUPS = ("aws/spans", "/aws/application-signals/data")


def transaction_search(settings: Settings) -> Iterator[Resource]:
    """In the order that AWS wants: X-Ray has to be allowed to write spans before they are sent there."""
    if not is_searched(settings):
        yield resource_policy(settings)
    yield trace_destination(settings)
    yield discovery(settings)


def resource_policy(settings: Settings) -> Resource:
    logs = aws_client(settings, "logs")
    document = json.dumps(policy_document(settings))

    def read() -> Properties | None:
        read_pages = pages(logs.describe_resource_policies, "nextToken", "the list of resource policies")
        found = (one for page in read_pages for one in page.get("resourcePolicies") or [])
        return next((one for one in found if one.get("policyName") == POLICY), None)

    def put() -> object:
        return logs.put_resource_policy(policyName=POLICY, policyDocument=document)

    return Resource(
        kind="log resource policy",
        name=POLICY,
        wanted={"policyDocument": document},
        permission="logs:PutResourcePolicy",
        read=read,
        create=put,
        update=put,
    )


def policy_document(settings: Settings) -> dict[str, Any]:
    """X-Ray of this account and region may write spans."""
    with reasons(settings, "STS", "sts:GetCallerIdentity"):
        who = aws_client(settings, "sts").get_caller_identity()
    account, partition = who["Account"], who["Arn"].split(":")[1]
    place = f"{settings.aws_region}:{account}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TransactionSearchXRayAccess",
                "Effect": "Allow",
                "Principal": {"Service": "xray.amazonaws.com"},
                "Action": "logs:PutLogEvents",
                "Resource": [f"arn:{partition}:logs:{place}:log-group:{group}:*" for group in SPAN_GROUPS],
                "Condition": {
                    "ArnLike": {"aws:SourceArn": f"arn:{partition}:xray:{place}:*"},
                    "StringEquals": {"aws:SourceAccount": account},
                },
            }
        ],
    }


def trace_destination(settings: Settings) -> Resource:
    xray = aws_client(settings, "xray")
    return Resource(
        kind="trace segment destination",
        name="of the account",
        wanted={"Destination": SEARCHED},
        permission="xray:UpdateTraceSegmentDestination",
        read=xray.get_trace_segment_destination,
        update=lambda: xray.update_trace_segment_destination(Destination=SEARCHED),
    )


def discovery(settings: Settings) -> Resource:
    """No call reports whether discovery was started; that it lists services shows it."""
    signals = aws_client(settings, "application-signals")

    def read() -> Properties | None:
        now = datetime.now(UTC)
        times = {"StartTime": now - timedelta(days=1), "EndTime": now}
        listed = pages(signals.list_services, "NextToken", "the list of services", **times)
        return {} if any(page.get("ServiceSummaries") for page in listed) else None

    return Resource(
        kind="discovery",
        name="of Application Signals",
        wanted={},
        permission="application-signals:StartDiscovery",
        read=read,
        create=signals.start_discovery,
    )


def indexing(settings: Settings) -> Resource:
    xray = aws_client(settings, "xray")

    return Resource(
        kind="indexing rule",
        name=INDEXING_RULE,
        wanted=ALL["Probabilistic"],
        permission="xray:UpdateIndexingRule",
        read=lambda: {"DesiredSamplingPercentage": indexed_percentage(settings)},
        update=lambda: xray.update_indexing_rule(Name=INDEXING_RULE, Rule=ALL),
    )


def left_to_do(settings: Settings) -> list[str]:
    """What of it is not there, with the command; nothing for what may not be asked."""
    said = []
    try:
        if not is_searched(settings):
            said.append(
                "Transaction Search is off: X-Ray's OTLP endpoint refuses spans. For the whole account: "
                "threemaps provision --transaction-search"
            )
        share = indexed_percentage(settings)
        if share is not None and share < 100:
            said.append(
                f"X-Ray indexes {share:g} % of the traces and draws its map of these. For the whole account: "
                "threemaps provision --index-all"
            )
    except UserError as error:
        said.append(f"Transaction Search was not looked at: {error.message}")
    return said
