"""Whatever is sent, however it is split, shuffled and repeated, the graph tells every call once."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.standins.xray import reference
from tests.unit.standins.xray.documents import Document, embedded, new_trace, segment, subsegment
from threemaps.standins import aws
from threemaps.standins.spans.ids import parse_trace_id
from threemaps.standins.store import Store
from threemaps.standins.xray.graph import Graph, Window, derive
from threemaps.standins.xray.ingest import Ingest

SERVICES = ("web", "shop", "users", "mail")
REMOTES = ("db:5432", "cache:6379")


@pytest.fixture(scope="module")
def shared_store() -> Iterator[Store]:
    """One for all examples: each has traces of its own."""
    store = Store(":memory:", aws.SCHEMA)
    yield store
    store.close()


def send(store: Store, documents: list[Document], batch: int) -> None:
    ingest = Ingest(store)
    for start in range(0, len(documents), batch):
        texts = [orjson.dumps(document).decode() for document in documents[start : start + batch]]
        answer = ingest.put_trace_segments({"TraceSegmentDocuments": texts})
        assert answer == {"UnprocessedTraceSegments": []}


def drawn(store: Store, documents: list[Document]) -> Graph:
    numbers = {parse_trace_id(document["trace_id"]) for document in documents}
    return derive(store, Window(), [pair for pair in numbers if pair])


class Calls:
    """A random tree of calls, as documents of all the kinds that clients send, with the edges it gives."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.trace = new_trace()
        self.documents: list[Document] = []
        self.edges: Counter[tuple[tuple[str, str], tuple[str, str]]] = Counter()
        root = self.chance.choice(SERVICES)
        self.edges[(root, "client"), (root, "")] += 1
        self.serve(root, "", depth=0)

    def serve(self, name: str, parent: str, depth: int) -> None:
        own = segment(self.trace, name, parent, subsegments=[])
        self.documents.append(own)
        for _ in range(self.chance.randint(0, 3 if depth < 3 else 0)):
            self.call(own, name, depth)
        if self.chance.random() < 0.3:
            unfinished = {key: value for key, value in own.items() if key not in ("end_time", "subsegments")}
            self.documents.append(unfinished | {"in_progress": True})

    def call(self, above: Document, name: str, depth: int) -> None:
        """From below some local work, embedded or sent on its own; answered by a service or by nobody."""
        for _ in range(self.chance.randint(0, 2)):
            above = self.hang(above, "work", "")
        if self.chance.random() < 0.4:
            remote = self.chance.choice(REMOTES)
            self.hang(above, remote, "remote")
            self.edges[(name, ""), (remote, "remote")] += 1
            return
        callee = self.chance.choice(SERVICES)
        call = self.hang(above, f"{callee}:80", "remote")
        self.edges[(name, ""), (callee, "")] += 1
        self.serve(callee, call["id"], depth + 1)

    def hang(self, above: Document, name: str, namespace: str) -> Document:
        if self.chance.random() < 0.5:
            below = embedded(name, namespace, subsegments=[])
            above["subsegments"].append(below)
        else:
            below = subsegment(self.trace, name, above["id"], namespace, subsegments=[])
            self.documents.append(below)
        return below


@settings(max_examples=40)
@given(chance=st.randoms(use_true_random=False), batch=st.integers(1, 50))
def test_every_call_of_a_tree_is_counted_once(shared_store: Store, chance: random.Random, batch: int) -> None:
    trees = [Calls(chance) for _ in range(chance.randint(1, 4))]
    documents = [document for tree in trees for document in tree.documents]
    repeated = documents + chance.choices(documents, k=len(documents) // 2)
    chance.shuffle(repeated)
    send(shared_store, repeated, batch)
    found = {edge: statistics.total for edge, statistics in drawn(shared_store, documents).edges.items()}
    assert found == dict(sum((tree.edges for tree in trees), Counter()))


# So few that most of them come again as something else.
IDS = [f"{number:016x}" for number in range(5)]
NAMES = st.sampled_from(SERVICES)


def inner_parts(below: st.SearchStrategy[Document] | None) -> st.SearchStrategy[Document]:
    fields: dict[str, Any] = {"id": st.sampled_from(IDS), "name": NAMES, "start_time": st.just(1_700_000_000)}
    optional: dict[str, Any] = {"fault": st.booleans(), "namespace": st.just("remote")}
    if below is not None:
        optional["subsegments"] = st.lists(below, max_size=2)
    ended = st.fixed_dictionaries({**fields, "end_time": st.just(1_700_000_001)}, optional=optional)
    running = st.fixed_dictionaries({**fields, "in_progress": st.just(True)}, optional=optional)
    return st.one_of(ended, ended, running)


PARTS = inner_parts(inner_parts(inner_parts(None)))


@st.composite
def any_documents(draw: st.DrawFn) -> list[Document]:
    """Parents that are missing, in a circle or the document itself; ids that come again as something else."""
    trace = new_trace()
    documents = []
    for part in draw(st.lists(PARTS, min_size=1, max_size=12)):
        document = part | {"trace_id": trace}
        if draw(st.booleans()):
            document = document | {"type": "subsegment", "parent_id": draw(st.sampled_from(IDS))}
        elif draw(st.booleans()):
            document = {**document, "parent_id": draw(st.sampled_from(IDS))}
            document.pop("namespace", None)
        else:
            document.pop("namespace", None)
        documents.append(document)
    return documents


def has_ids_of_its_own(document: Document) -> bool:
    """Whether none stands for two parts of this one document; what then counts is anybody's guess."""
    seen: set[str] = set()
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if part["id"] in seen:
            return False
        seen.add(part["id"])
        waiting += part.get("subsegments", [])
    return True


@settings(max_examples=100)
@given(documents=any_documents(), again=st.randoms(use_true_random=False))
def test_any_documents_give_what_the_obvious_way_gives(
    shared_store: Store, documents: list[Document], again: random.Random
) -> None:
    known = [document for document in documents if has_ids_of_its_own(document)]
    sent = known + [document for document in known if again.random() < 0.3]
    send(shared_store, sent, 50)
    graph = drawn(shared_store, sent)
    calls, faults = reference.edges_of(sent)
    assert {edge: statistics.total for edge, statistics in graph.edges.items()} == dict(calls)
    assert {edge: statistics.faults for edge, statistics in graph.edges.items() if statistics.faults} == {
        edge: count for edge, count in faults.items() if count
    }


@settings(max_examples=40)
@given(documents=any_documents())
def test_no_documents_keep_the_graph_from_ending(shared_store: Store, documents: list[Document]) -> None:
    send(shared_store, documents, 7)
    graph = drawn(shared_store, documents)
    ends = {end for edge in graph.edges for end in edge}
    assert ends <= graph.nodes.keys()
