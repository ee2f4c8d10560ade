"""Headers of what workers publish."""

import uuid
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from topics.catalogue import POSTING_FEATURES, REJECTIONS
from topics.envelope import header, output_headers, output_id


@given(st.text(st.characters(codec="utf-8"), max_size=50), st.integers(0, 4_000_000_000_000))
def test_ids_are_version_5_uuids_and_times_rfc_3339(cause: str, time_ms: int) -> None:
    headers = output_headers(POSTING_FEATURES, worker="w", subject=None, cause=cause, time_ms=time_ms)
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "urn:talentstream:events")
    assert header(headers, "ce_id") == str(uuid.uuid5(namespace, f"{cause}>{POSTING_FEATURES.name}"))
    time = header(headers, "ce_time")
    assert time is not None
    assert round(datetime.fromisoformat(time).timestamp() * 1000) == time_ms


def test_each_output_of_one_cause_has_an_id_of_its_own() -> None:
    ids = [
        header(output_headers(topic, worker="w", subject=None, cause="in/0/1", number=number, time_ms=0), "ce_id")
        for topic in (POSTING_FEATURES, REJECTIONS)
        for number in range(3)
    ]
    assert len(set(ids)) == 6
    assert ids[2] == output_id(POSTING_FEATURES.name, "in/0/1", 2).decode()
