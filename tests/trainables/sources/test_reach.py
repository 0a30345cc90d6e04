import os
import socket
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

ASK = """
import os, time
from trainables.sources import reach
reach.PATIENCE_SECONDS = 1.0
began = time.perf_counter()
answer = reach.hub_answers()
print(answer, os.environ.get("HF_HUB_OFFLINE"), time.perf_counter() - began < 10)
"""


def ask(endpoint: str, offline: str | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    environment |= {"HF_ENDPOINT": endpoint} | ({"HF_HUB_OFFLINE": offline} if offline else {})
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_a_hub_that_takes_the_call_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert ask(f"http://127.0.0.1:{silent.getsockname()[1]}") == "False 1 True"


@pytest.mark.parametrize("switch", ["1", "true", "ON"])
def test_the_offline_switch_is_obeyed_without_asking(switch: str) -> None:
    assert ask("http://127.0.0.1:9", offline=switch) == f"False {switch} True"
