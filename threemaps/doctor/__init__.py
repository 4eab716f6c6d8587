"""Why a backend shows nothing: walks a chain of links and names the first broken one."""

from threemaps.doctor.chain import check_chain
from threemaps.doctor.check import Check

__all__ = ["Check", "check_chain"]
