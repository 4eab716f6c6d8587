"""The one way a command says that something is wrong."""


class UserError(Exception):
    """What was wrong, what to type next, and the exit code that says so to a script."""

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
