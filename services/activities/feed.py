"""What people wrote, in memory: the newest stay, the oldest fall out."""

import threading
import uuid
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

CAPACITY = 500

SEED = (
    ("andrew", "Cloud is very fun!"),
    ("worf", "I am out of prune juice"),
    ("garek", "My dear doctor, I am just a simple tailor"),
    ("grace", "Found the bug. It has wings."),
    ("ada", "The engine weaves patterns just as the loom weaves leaves."),
)


@dataclass(frozen=True, slots=True)
class Activity:
    id: str
    handle: str
    message: str
    created_at: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


class Feed:
    def __init__(self, capacity: int = CAPACITY) -> None:
        self._lock = threading.Lock()
        self._activities: deque[Activity] = deque(maxlen=capacity)
        now = datetime.now(UTC)
        for age, (handle, message) in reversed(list(enumerate(SEED, start=1))):
            self.add(handle, message, now - timedelta(hours=age))

    def add(self, handle: str, message: str, at: datetime | None = None) -> Activity:
        moment = (at or datetime.now(UTC)).isoformat(timespec="milliseconds")
        activity = Activity(str(uuid.uuid4()), handle, message, moment)
        with self._lock:
            self._activities.append(activity)
        return activity

    def newest(self, count: int) -> list[Activity]:
        with self._lock:
            return list(self._activities)[: -count - 1 : -1]

    def by(self, handle: str) -> list[Activity]:
        with self._lock:
            return [activity for activity in reversed(self._activities) if activity.handle == handle]
