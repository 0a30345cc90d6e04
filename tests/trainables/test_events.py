import json

import pytest

from trainables.events import LAST_EVENTS, Busy, Evaluated, Event, Failed, Finished, Progressed, Scored, StageDone

EVENTS = [
    (Evaluated("k", 1, 4, 32, 0.5, 80.0), False),
    (Progressed("k", 2, 4, 64, 0.5), False),
    (Scored("k", "de", 50.0), False),
    (StageDone("k", True, 0, 0.0), False),
    (Busy("k"), True),
    (Failed("k", "why"), True),
    (Finished("k"), True),
]


@pytest.mark.parametrize(("event", "last"), EVENTS, ids=lambda value: getattr(value, "kind", None))
def test_an_event_is_json_that_says_its_kind_and_stage(event: Event, last: bool) -> None:
    sent = json.loads(json.dumps(event.as_dict()))
    assert (sent["kind"], sent["stage"]) == (event.kind, "k")
    assert (event.kind in LAST_EVENTS) is last


def test_kinds_are_distinct_and_fields_are_kept() -> None:
    assert len({event.kind for event, _ in EVENTS}) == len(EVENTS)
    assert Scored("k", "de", 50.0).as_dict() == {"kind": "scored", "stage": "k", "language": "de", "value": 50.0}
