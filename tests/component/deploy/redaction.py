"""After a change to collector/redaction.yaml:

python -m tests.component.deploy.redaction > deploy/kubernetes/base/redaction.env
"""

import os
import sys

from threemaps.demo.redaction import redaction_files
from threemaps.settings import Settings


def redaction_env() -> str:
    values = redaction_files(Settings.load({"THREEMAPS_ENV_FILE": os.devnull}))
    head = (
        "# collector/redaction.yaml, as the collector reads it.\n"
        "# Made by python -m tests.component.deploy.redaction\n"
    )
    return head + "".join(f"{name}={value}\n" for name, value in values.items())


if __name__ == "__main__":
    sys.stdout.write(redaction_env())
