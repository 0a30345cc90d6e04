"""Single flight, over processes and machines, in every kind of store."""

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.stores import KEY, Place, another_process, first_line, held_elsewhere, say
from trainables.store.holder import has_died, this_process
from trainables.store.leases import RenewedLeases
from trainables.store.objects import Objects

OTHER = "cd" + KEY[2:]


def test_a_lease_excludes_another_process_until_that_is_killed(place: Place) -> None:
    store = place.store()
    with held_elsewhere(place.root, KEY, place.caches / "other") as other:
        assert first_line(other) == "True"
        with store.lease(KEY) as ours:
            assert not ours
        with store.lease(OTHER) as ours:
            assert ours  # other stages are free
        os.kill(other.pid, signal.SIGKILL)
        assert other.wait(timeout=30) == -signal.SIGKILL
        with store.lease(KEY) as ours:
            assert ours


def test_our_lease_excludes_another_process_and_ends_with_the_block(place: Place) -> None:
    with place.store().lease(KEY) as ours:
        assert ours
        with held_elsewhere(place.root, KEY, place.caches / "other") as other:
            assert first_line(other) == "False"
    with held_elsewhere(place.root, KEY, place.caches / "other") as other:
        assert first_line(other) == "True"


def test_a_lease_excludes_a_second_workbench_in_the_same_process(place: Place) -> None:
    with place.store().lease(KEY) as ours, place.store().lease(KEY) as twice:
        assert (ours, twice) == (True, False)


def test_a_lease_ends_with_an_error_too(place: Place) -> None:
    store = place.store()
    with pytest.raises(KeyError), store.lease(KEY):
        raise KeyError
    with store.lease(KEY) as ours:
        assert ours


def test_of_many_processes_that_ask_at_once_one_gets_the_lease(place: Place) -> None:
    code = (
        "print('ready', flush=True)\nfor _ in range(5):\n    sys.stdin.readline()\n"
        "    with store.lease(key) as ours:\n        print(ours, flush=True)\n        sys.stdin.readline()\n"
        "    print('left', flush=True)\n"
    )
    with ExitStack() as stack:
        asking = [
            stack.enter_context(another_process(code, place.root, place.caches / number, KEY)) for number in "1234"
        ]
        assert [first_line(process) for process in asking] == ["ready"] * 4
        for _ in range(5):
            for process in asking:
                say(process)
            assert sorted(first_line(process) for process in asking) == ["False"] * 3 + ["True"]
            for process in asking:
                say(process)
            assert [first_line(process) for process in asking] == ["left"] * 4


# Leases that expire ------------------------------------------------------------------------------------------------

HOLD = """
from trainables.store.leases import RenewedLeases
from trainables.store.objects import Objects
with RenewedLeases(Objects(sys.argv[4]), expiry=3.0, renewal=0.5).hold(key) as ours:
    print(ours, flush=True)
    sys.stdin.readline()
print('left', flush=True)
"""


@pytest.fixture(params=["shared folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return request.getfixturevalue("s3") if request.param == "s3" else (tmp_path / "leases").as_uri()


def leases(url: str) -> RenewedLeases:
    return RenewedLeases(Objects(url), expiry=3.0, renewal=0.5)


def test_a_lease_that_is_renewed_outlasts_its_expiry(url: str, tmp_path: Path) -> None:
    with another_process(HOLD, tmp_path / "store", tmp_path, KEY, url) as other:
        assert first_line(other) == "True"
        end = time.monotonic() + 6
        while time.monotonic() < end:
            with leases(url).hold(KEY) as ours:
                assert not ours
            time.sleep(0.5)


def test_a_lease_that_is_not_renewed_is_taken_over_and_its_holder_gives_in(url: str, tmp_path: Path) -> None:
    with another_process(HOLD, tmp_path / "store", tmp_path, KEY, url) as stalled:
        assert first_line(stalled) == "True"
        stalled.send_signal(signal.SIGSTOP)  # alive, and for others as good as gone: a machine that hangs
        began = time.monotonic()
        taken = False
        while not taken and time.monotonic() < began + 20:
            with leases(url).hold(KEY) as taken:
                if not taken:
                    time.sleep(0.1)
                    continue
                assert time.monotonic() - began > 1  # the server's clock counts whole seconds
                stalled.send_signal(signal.SIGCONT)
                time.sleep(1.5)  # it finds at its next renewal that it was late
                say(stalled)
                assert first_line(stalled) == "left"
                with leases(url).hold(KEY) as twice:
                    assert not twice  # its end does not end ours
        assert taken
    with leases(url).hold(KEY) as ours:
        assert ours
    assert not Objects(url).under("leases")


def test_a_machine_whose_clock_is_wrong_takes_nothing_over(url: str, tmp_path: Path) -> None:
    wrong = "import time\nahead = time.time() + 1e6\ntime.time = lambda: ahead\n"
    with leases(url).hold(KEY) as ours:
        assert ours
        with another_process(wrong + HOLD, tmp_path / "store", tmp_path, KEY, url) as other:
            assert first_line(other) == "False"


def test_who_has_died_is_known_on_the_same_machine_only(tmp_path: Path) -> None:
    with another_process("print('up', flush=True)\nsys.stdin.read()\n", tmp_path, tmp_path, KEY) as other:
        assert first_line(other) == "up"
        stat = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()
        holder = this_process() | {"pid": str(other.pid), "started": stat[19]}
        assert not has_died(holder)
        assert not has_died(this_process())
        assert has_died(holder | {"started": "1"})  # its number was given to another process
        other.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert has_died(holder)  # though nobody has reaped it yet
        assert not has_died(holder | {"boot": "of another machine"})
        assert not has_died({})


def test_a_lease_is_revoked_where_its_holder_is_gone_and_no_other(tmp_path: Path) -> None:
    leases = RenewedLeases(Objects(tmp_path.as_uri()))
    us = this_process()
    with leases.hold(KEY) as ours:
        assert ours
        leases.revoke(KEY, us["host"], int(us["pid"]) + 1)
        leases.revoke(KEY, "another", int(us["pid"]))
        with leases.hold(KEY) as theirs:
            assert not theirs
        leases.revoke(KEY, us["host"], int(us["pid"]))
        with leases.hold(KEY) as theirs:
            assert theirs
    leases.revoke(OTHER, us["host"], int(us["pid"]))  # nobody holds it
