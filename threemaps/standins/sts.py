"""STS, for those who ask whose keys they have."""

from threemaps.standins.aws_errors import AwsError

ACCOUNT = "000000000000"
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def answer(action: str) -> str:
    """The XML that GetCallerIdentity is answered with."""
    if action != "GetCallerIdentity":
        raise AwsError("InvalidAction", f"Could not find operation {action[:60]!r}")
    return (
        f'<GetCallerIdentityResponse xmlns="{NAMESPACE}"><GetCallerIdentityResult>'
        f"<Arn>arn:aws:iam::{ACCOUNT}:user/local</Arn><UserId>AIDALOCAL</UserId><Account>{ACCOUNT}</Account>"
        "</GetCallerIdentityResult><ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId>"
        "</ResponseMetadata></GetCallerIdentityResponse>"
    )
