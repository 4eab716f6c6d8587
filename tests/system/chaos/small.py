"""`python -m tests.system.chaos.small NAME MEGABYTES`: a stand-in with a small limit."""

import sys

from threemaps.settings import Settings
from threemaps.standins.__main__ import serve
from threemaps.standins.retention import Retention

if __name__ == "__main__":
    serve(sys.argv[1], Settings.load(), Retention(megabytes=float(sys.argv[2])))
