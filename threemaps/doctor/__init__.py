"""Why a backend shows nothing: walks a chain of links and names the first broken one.

Somebody else's service, from its command to the verdict:

    inside    starts the command with `probe/` in it, asks for a page, and gathers `facts` from the `listener`
    rules/    links in the order of a span; each link has a state, and rules that say why it is broken
    service   walks the links, and turns what is found into checks
    late      the same in a process that runs already

The same rules look at what nobody looked into: `expected` makes facts of what variables promise, for a
process (`outside`), a service of Compose (`compose`, `docker`) and the demo's own services (`running`).
The demo's chain stands in `chain`, what it looks at in `walk`.

A new rule is a function in `rules/` over facts, with a code; a breakage for it goes into the table of
tests/component/doctor/breakages, and its code into docs/doctor.md.
"""

from threemaps.doctor.chain import check_chain
from threemaps.doctor.check import Check

__all__ = ["Check", "check_chain"]
