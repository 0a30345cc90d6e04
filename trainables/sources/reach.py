"""Finds out in seconds whether the Hugging Face hub answers, so that nothing hangs where it does not."""

import os
import sys
from functools import cache
from threading import Thread

PATIENCE_SECONDS = 5.0


@cache
def hub_answers() -> bool:
    """Whether the hub can be reached; when not, Hugging Face's libraries are switched to their caches.

    Unreachable, `datasets` alone would retry for over 20 s per dataset. The look-up runs in a thread because
    name resolution cannot be given a time limit.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        return False
    answers: list[bool] = []
    thread = Thread(target=lambda: answers.append(_ask()), daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    reachable = bool(answers) and answers[0]
    if not reachable:
        _go_offline()
    return reachable


def _ask() -> bool:
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=PATIENCE_SECONDS)
    except Exception:  # any failure to reach it means the same here
        return False
    return True


def _go_offline() -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"  # for libraries yet to be imported, and for child processes
    for module, name in (("huggingface_hub.constants", "HF_HUB_OFFLINE"), ("datasets.config", "HF_HUB_OFFLINE")):
        if module in sys.modules:
            setattr(sys.modules[module], name, True)
