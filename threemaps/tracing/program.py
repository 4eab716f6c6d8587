"""Runs another Python program in this process, after something was set up for it."""

import runpy
import shutil
import sys
from collections.abc import Callable

from threemaps.errors import UserError


def run(set_up: Callable[[], None], module: str) -> None:
    """The program that the arguments name, as `python -m MODULE PROGRAM…` gives them."""
    try:
        script = found(sys.argv[1:], module)
    except UserError as error:
        sys.exit(f"{error.message}\n  → {error.hint}")
    set_up()
    sys.argv = sys.argv[1:]
    runpy.run_path(script, run_name="__main__")


def found(arguments: list[str], module: str) -> str:
    if arguments and (script := shutil.which(arguments[0])):
        return script
    raise UserError(
        "there is no program to run",
        hint=f"python -m {module} gunicorn 'services.users:create_app()'",
        exit_code=64,
    )
