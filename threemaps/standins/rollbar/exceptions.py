"""What Rollbar refuses."""


class RefusedError(Exception):
    """A refusal with Rollbar's status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
