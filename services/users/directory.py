"""The people, in memory."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class User:
    handle: str
    display_name: str
    bio: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


USERS = {
    user.handle: user
    for user in (
        User("andrew", "Andrew Brown", "Clouds, all day."),
        User("bayko", "Andrew Bayko", "Counts the spans, then counts again."),
        User("worf", "Worf, Son of Mogh", "Today is a good day to trace."),
        User("garek", "Elim Garak", "Plain, simple tailor."),
        User("ada", "Ada Lovelace", "Wrote programs for a machine that nobody had built yet."),
        User("grace", "Grace Hopper", "Keeps a moth in the logbook."),
    )
}
