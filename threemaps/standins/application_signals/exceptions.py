"""What Application Signals refuses, as AWS's description of it names that."""

from threemaps.standins.aws_errors import AwsError


class ValidationError(AwsError):
    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message, 400)


class UnknownOperationError(AwsError):
    """A path of Application Signals that the local one does not answer."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(
            "UnknownOperationException",
            f"the local Application Signals does not answer {method} {path[:100]!r}",
            404,
        )
