"""The node that `python -m tests.system.kubernetes.run` has started."""

import os
from pathlib import Path

import pytest

from tests.system.kubernetes.cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    if "KUBERNETES_NODE" not in os.environ:
        pytest.skip("no node runs: make test-kubernetes")
    return Cluster(Path(os.environ["KUBERNETES_NODE"]), os.environ["KUBERNETES_NODE_PID"])
