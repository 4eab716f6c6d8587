"""What X-Ray refuses."""

from threemaps.standins.aws_errors import AwsError


def invalid(message: str) -> AwsError:
    return AwsError("InvalidRequestException", message)
