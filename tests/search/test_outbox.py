import threading
import time

import pytest

from search.outbox import Outbox, without_password


def test_writes_are_carried_out_in_order_without_waiting() -> None:
    outbox, seen, gate = Outbox("the server"), [], threading.Event()
    outbox.put(gate.wait)
    began = time.monotonic()
    for number in range(1000):
        outbox.put(lambda number=number: seen.append(number))
    assert time.monotonic() - began < 1.0 and seen == []
    gate.set()
    assert outbox.flush(5.0) == 0
    assert seen == list(range(1000))
    outbox.close()


def test_a_write_is_tried_again_until_it_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    outbox, attempts, seen = Outbox("the server"), [], []

    def first() -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise OSError("connection refused\nand more")

    outbox.put(first)
    outbox.put(lambda: seen.append("second"))
    assert outbox.flush(20.0) == 0
    assert (len(attempts), seen) == (3, ["second"])
    (warning,) = (record.message for record in caplog.records if record.levelname == "WARNING")
    assert warning == "the server does not answer (connection refused); what is to be written waits"
    outbox.close()


def test_a_hopeless_write_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    outbox, seen = Outbox("the server", hopeless=lambda error: isinstance(error, ValueError)), []

    def refused() -> None:
        raise ValueError("bad name")

    outbox.put(refused)
    outbox.put(lambda: seen.append("second"))
    assert outbox.flush(5.0) == 0
    assert (seen, outbox.refused) == (["second"], 1)
    assert "the server refuses a write (bad name); it is passed over" in caplog.text
    outbox.close()


def test_patience_ends_and_says_what_is_left() -> None:
    outbox = Outbox("the server")

    def never() -> None:
        raise OSError("away")

    for _ in range(3):
        outbox.put(never)
    began = time.monotonic()
    assert outbox.flush(0.3) == 3
    assert time.monotonic() - began < 5.0
    outbox.close()
    assert outbox.flush(0.1) == 0  # given up


def test_patience_lasts_as_long_as_writes_succeed() -> None:
    outbox = Outbox("the server")
    for _ in range(10):
        outbox.put(lambda: time.sleep(0.1))
    assert outbox.flush(0.5) == 0
    outbox.close()


def test_no_password_is_shown() -> None:
    told = "http://me:s3cr@t@host:1/api failed (Caused by postgresql://me:s3cret@host/db), ask a@b.c"
    assert without_password(told) == "http://host:1/api failed (Caused by postgresql://host/db), ask a@b.c"
    assert without_password("sqlite:////tmp/a@b/mlflow.db") == "sqlite:////tmp/a@b/mlflow.db"
