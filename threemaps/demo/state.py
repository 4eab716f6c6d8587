"""The state folder is its user's alone: nobody else reads in it, or puts there what we would follow."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from threemaps.errors import UserError

OTHERS = stat.S_IRWXG | stat.S_IRWXO
PRIVATE = 0o600
# Whoever keeps something else there adds it here.
OURS = (
    *("run", "logs", "queue", "data", "faults", "page", "tmp"),
    *("honeycomb-login.json", "honeycomb-login.json.new"),
)


def claim(state: Path) -> None:
    """Makes the folder, or closes one that others could read.

    Whatever this process and its children write from now on is for its user alone. Raises UserError for a
    folder on the way, or a file within, that somebody else put there, and for links.
    """
    os.umask(OTHERS)
    require_safe_way(state)
    state.mkdir(parents=True, exist_ok=True)
    state = state.resolve()
    _require_own(state)
    if all(path.name in OURS for path in state.iterdir()):
        _close(state)  # and not a home, or /tmp, in which there are other things
    for name in OURS:
        _close_all(state / name)


def require_safe_way(path: Path) -> None:
    """Raises UserError where somebody else could have put it there, or what leads to it."""
    for one in reversed([*_way(path.resolve()), *_way(path)]):
        _require_kept(one)


def write_private(path: Path, text: str) -> None:
    """The file whole or as it was; nobody but its owner may read it, and no link is followed."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w") as file:
        file.write(text)
    temporary.replace(path)


def _way(path: Path) -> Iterator[Path]:
    yield path
    yield from (one for one in path.parents if one != one.parent)


def _require_kept(path: Path) -> None:
    """Where everybody makes files, as in /tmp, only root or we may have made this."""
    with contextlib.suppress(FileNotFoundError):
        folder = path.parent.stat()
        if not folder.st_mode & stat.S_IWOTH:
            return
        if not folder.st_mode & stat.S_ISVTX and folder.st_uid != os.geteuid():
            raise _elsewhere(f"anybody may rename what is in {path.parent}")
        owner = path.lstat().st_uid
        if owner not in (0, os.geteuid()):
            raise _elsewhere(f"{path} belongs to somebody else (uid {owner})")


def _close_all(place: Path) -> None:
    """A folder comes before what is in it."""
    with contextlib.suppress(FileNotFoundError):
        _close(place)
    for folder, folders, files in os.walk(place, onerror=_refuse_unread):
        for name in (*folders, *files):
            with contextlib.suppress(FileNotFoundError):  # of a process that goes on writing
                _close(Path(folder) / name)


def _require_own(path: Path) -> os.stat_result:
    found = path.lstat()
    if found.st_uid != os.geteuid():
        raise _elsewhere(f"{path} belongs to somebody else (uid {found.st_uid})")
    return found


def _close(path: Path) -> None:
    """Takes from others what they may do with it."""
    found = _require_own(path)
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise _elsewhere(f"{path} is a link, or no file")
    if found.st_mode & OTHERS:
        path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)


def _refuse_unread(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _elsewhere(problem: str) -> UserError:
    return UserError(
        problem,
        hint="remove it, or keep the state in a folder of yours: THREEMAPS_STATE=~/.local/state/threemaps",
        exit_code=2,
    )
