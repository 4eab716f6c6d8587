"""A container's health check: `python -m threemaps.basics.probe URL` ends with 0 when URL answers 200."""

import sys
import urllib.request


def main() -> None:
    try:
        with urllib.request.urlopen(sys.argv[1], timeout=2) as answer:  # noqa: S310 - an address of ours
            sys.exit(0 if answer.status == 200 else 1)
    except OSError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
