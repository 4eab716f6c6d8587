"""A log record that the collector had to send again is shown once."""

from threemaps.readers.logs import once


def event(message: str) -> dict[str, str]:
    return {"message": message}


def test_a_record_that_came_again_is_there_once() -> None:
    first, second = (event(f'{{"body": "hello", "timeUnixNano": {at}}}') for at in (1, 2))
    assert once([first, dict(first), second]) == [first, second]


def test_equal_lines_without_a_time_of_their_own_are_different_lines() -> None:
    assert once([event("hello"), event("hello")]) == [event("hello")] * 2
