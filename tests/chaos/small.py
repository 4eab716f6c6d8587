"""`python -m tests.chaos.small NAME MEGABYTES`: a stand-in that keeps little, to show its limit soon."""

import sys

from threemaps.settings import Settings
from threemaps.standins.__main__ import serve
from threemaps.standins.retention import Retention

if __name__ == "__main__":
    serve(sys.argv[1], Settings.load(), Retention(megabytes=float(sys.argv[2])))
