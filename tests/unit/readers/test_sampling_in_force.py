"""What keeps a share of the calls: X-Ray's rules for our services, its index; not those of other tenants."""

from datetime import UTC, datetime

from tests.conftest import Serve
from tests.unit.readers.conftest import settings_at
from threemaps.diagnose.sampling import Share, in_force
from threemaps.readers.aws import aws_client
from threemaps.readers.xray import XRay
from threemaps.standins import aws
from threemaps.standins.store import Store
from threemaps.standins.tenants import RULE


def test_shares_of_ours(serve: Serve) -> None:
    store = Store(":memory:", aws.SCHEMA)
    settings = settings_at(serve(aws.Aws(store, {})))
    client = aws_client(settings, "xray")
    for name, service in (("tenant", "tenant-*"), ("ours", "web*")):
        client.create_sampling_rule(SamplingRule={**RULE, "RuleName": name, "ServiceName": service})
        counts = {"RequestCount": 100, "SampledCount": 10, "BorrowCount": 5}
        document = {"RuleName": name, "ClientID": "a" * 24, "Timestamp": datetime.now(UTC), **counts}
        client.get_sampling_targets(SamplingStatisticsDocuments=[document])
    xray = XRay.of(settings)
    of_the_rule = Share(0.15, "the X-Ray sampling rule ours")  # what was borrowed is kept
    assert in_force(xray, settings, ["web"]).shares == (of_the_rule,)
    assert in_force(xray, settings, ["api"]).shares == ()
    client.update_indexing_rule(Name="Default", Rule={"Probabilistic": {"DesiredSamplingPercentage": 1}})
    assert in_force(xray, settings, ["api"]).shares == (Share(0.01, "X-Ray's indexing rule", "xray"),)
    client.update_trace_segment_destination(Destination="XRay")  # all are kept without Transaction Search
    assert in_force(xray, settings, ["api"]).shares == ()
    store.close()
