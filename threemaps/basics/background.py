"""How each process that runs in the background begins, and what it says where it cannot."""

import logging
import os
import sys
from collections.abc import Callable

from threemaps.errors import UserError


def run(serve: Callable[[], None]) -> int:
    """The exit code of `serve`. Its files are its user's alone; a UserError is two lines on stderr."""
    os.umask(0o077)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    try:
        serve()
    except UserError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n")
        return error.exit_code
    return 0
