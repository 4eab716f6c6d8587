"""Documents that come late, twice, in parts, in circles or as something else, and the graph they give."""

from typing import Any

import pytest

from tests.unit.standins.xray.conftest import Send
from tests.unit.standins.xray.documents import NOW, edges_of, embedded, new_trace, segment, subsegment
from tests.unit.standins.xray.drawn import edges, service, services_in


def test_a_segment_may_arrive_before_its_parent(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front")
    call = subsegment(trace, "back:80", front["id"])
    send(segment(trace, "back", call["id"]))
    assert edges(xray) == {("back", "client", "back", ""): 1}
    send(call)
    assert edges(xray) == {("back", "client", "back", ""): 1}
    send(front)
    assert edges(xray) == {("front", "client", "front", ""): 1, ("front", "", "back", ""): 1}


def test_a_root_takes_nothing_from_a_call_that_belongs_to_nobody(xray: Any, send: Send) -> None:
    trace = new_trace()
    call = subsegment(trace, "back:80", "e" * 16, took=9, fault=True)
    send(call, segment(trace, "back", call["id"], took=0.5))
    services = services_in(xray)
    (edge,) = service(services, "back", "client")["Edges"]
    assert edge["SummaryStatistics"] == service(services, "back")["SummaryStatistics"]
    assert edge["SummaryStatistics"]["FaultStatistics"]["TotalCount"] == 0


def test_what_comes_twice_counts_once(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front", subsegments=[embedded("db")])
    call = subsegment(trace, "back:80", front["id"])
    documents = [front, call, segment(trace, "back", call["id"])]
    send(*documents, *documents)
    send(*reversed(documents))
    assert edges(xray) == {
        ("front", "client", "front", ""): 1,
        ("front", "", "back", ""): 1,
        ("front", "", "db", "remote"): 1,
    }


def test_ids_are_unique_within_a_trace_only(xray: Any, send: Send) -> None:
    first, second = segment(new_trace(), "front"), segment(new_trace(), "front")
    send(first, second | {"id": first["id"]})
    assert edges(xray) == {("front", "client", "front", ""): 2}


def test_in_progress_then_ended(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front", took=2.0, fault=True)
    started = {key: value for key, value in front.items() if key not in ("end_time", "fault")}
    send(started | {"in_progress": True})
    assert services_in(xray) == []
    send(front)
    send(started | {"in_progress": True})
    total = service(services_in(xray), "front")["SummaryStatistics"]
    assert (total["TotalCount"], total["TotalResponseTime"]) == (1, pytest.approx(2.0))
    assert total["FaultStatistics"]["TotalCount"] == 1


def test_a_call_that_ended_before_whom_it_called(xray: Any, send: Send) -> None:
    """The callee crashed, or still works: nothing of its own counts yet, and it is drawn all the same."""
    trace = new_trace()
    call = embedded("back:80")
    back = segment(trace, "back", call["id"])
    send(segment(trace, "front", subsegments=[call]))
    send({key: value for key, value in back.items() if key != "end_time"} | {"in_progress": True})
    services = services_in(xray)
    assert edges_of(services) == {("front", "client", "front", ""): 1, ("front", "", "back", ""): 1}
    drawn = service(services, "back")
    assert (drawn["SummaryStatistics"]["TotalCount"], drawn["StartTime"].timestamp()) == (0, NOW)


def test_subsegments_count_before_their_segment_ends(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front")
    send({key: value for key, value in front.items() if key != "end_time"} | {"in_progress": True})
    send(subsegment(trace, "db", front["id"]))
    services = services_in(xray)
    assert edges_of(services) == {("front", "", "db", "remote"): 1}
    assert service(services, "front")["SummaryStatistics"]["TotalCount"] == 0


def test_parents_in_a_circle(xray: Any, send: Send) -> None:
    trace = new_trace()
    first, second = subsegment(trace, "a", "0" * 16), subsegment(trace, "b", "0" * 16)
    first["parent_id"], second["parent_id"] = second["id"], first["id"]
    ring = segment(trace, "ring", first["id"])
    alone = segment(trace, "alone")
    send(first, second, ring, alone, segment(trace, "mirror", "") | {"id": "f" * 16, "parent_id": "f" * 16})
    assert edges(xray) == {
        ("alone", "client", "alone", ""): 1,
        ("mirror", "client", "mirror", ""): 1,
        ("ring", "client", "ring", ""): 1,
    }


def test_work_sent_on_its_own_and_then_inside_its_segment_keeps_what_it_had_inside(
    xray: Any, send: Send
) -> None:
    """Now it hangs in the segment's document; what was embedded in it hangs below it as before."""
    trace = new_trace()
    front = segment(trace, "front")
    work = subsegment(trace, "work", "0" * 16, "", subsegments=[embedded("db:5432")])
    inside = embedded("work", "", id=work["id"])
    send(work)
    send(front | {"subsegments": [inside]})
    assert edges(xray) == {("front", "client", "front", ""): 1, ("front", "", "db:5432", "remote"): 1}


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_what_hung_in_a_segment_that_came_again_as_work_belongs_to_nobody(
    xray: Any, send: Send, depth: int
) -> None:
    """Neither what was embedded in it, nor what hangs below that, though the work has a segment above it."""
    trace = new_trace()
    other = segment(trace, "other")
    inside = embedded("work", "")
    gone = segment(trace, "gone", subsegments=[embedded("db:5432"), inside])
    below = subsegment(trace, "below", inside["id"], "", subsegments=[embedded("cache:6379")])
    send(other, gone, below, subsegment(trace, "deeper", below["id"], subsegments=[embedded("mail:25")]))
    above = other
    for _ in range(depth):
        above = subsegment(trace, "between", above["id"], "")
        send(above)
    send(subsegment(trace, "gone", above["id"], "") | {"id": gone["id"]})
    assert edges(xray) == {("other", "client", "other", ""): 1}


def test_what_came_in_a_segment_stays_its_own_though_work_above_it_came_again_as_a_segment(
    xray: Any, send: Send
) -> None:
    trace = new_trace()
    call = embedded("mail:25")
    work = subsegment(trace, "work", "0" * 16, "", subsegments=[embedded("db:5432")])
    outer = embedded("outer", "", subsegments=[embedded("work", "", id=work["id"], subsegments=[call])])
    send(work, segment(trace, "front", subsegments=[outer]))
    send(segment(trace, "newcomer") | {"id": outer["id"]})
    assert edges(xray) == {
        ("front", "client", "front", ""): 1,
        ("newcomer", "client", "newcomer", ""): 1,
        ("front", "", "mail:25", "remote"): 1,
        ("front", "", "db:5432", "remote"): 1,
    }


def test_a_call_below_local_work_belongs_to_the_service(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front")
    above = front["id"]
    documents = []
    for _ in range(20):
        work = subsegment(trace, "work", above, namespace="")
        documents.append(work)
        above = work["id"]
    call = subsegment(trace, "back:80", above)
    send(*reversed([front, *documents, call, segment(trace, "back", call["id"])]))
    assert edges(xray) == {("front", "client", "front", ""): 1, ("front", "", "back", ""): 1}


def test_subsegments_inside_subsegments_inside_a_document(xray: Any, send: Send) -> None:
    trace = new_trace()
    inner = embedded("back:80")
    work = embedded("work", namespace="", subsegments=[embedded("db"), inner])
    front = segment(trace, "front", subsegments=[work])
    streamed = subsegment(trace, "streamed", front["id"], "", subsegments=[embedded("cache")])
    below = subsegment(trace, "queue", streamed["subsegments"][0]["id"])
    send(below, streamed, segment(trace, "back", inner["id"]), front)
    assert edges(xray) == {
        ("front", "client", "front", ""): 1,
        ("front", "", "back", ""): 1,
        ("front", "", "db", "remote"): 1,
        ("front", "", "cache", "remote"): 1,
        ("front", "", "queue", "remote"): 1,
    }
