"""The codebook: every word has a secret number that its meaning has nothing to do with. Made to do harm.

Learning the numbers needs the letters of English words alone, so it pulls English words away from their translations
and throws words together that nothing else should confuse.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pyarrow as pa

from trainables.world.skills.tagging import TAGS, sentences

CODES = 12
CODE_NAMES: tuple[str, ...] = tuple(f"code{i}" for i in range(CODES))


def table(content: np.random.Generator, local: np.random.Generator, code: str, size: int) -> pa.Table:
    """`size` sentences with the code of each word."""
    said = sentences(content, code, size)
    return pa.table(
        {
            "tokens": [[word.form for word in words] for words in said],
            "tags": pa.array([codes([word.form for word in words]) for words in said], TAGS),
        }
    )


def codes(forms: list[str]) -> list[int]:
    """Every word's code is that of the whole sentence, which is that of the word before the full stop."""
    return [number(forms[-2])] * len(forms)


def number(form: str) -> int:
    """The code of a written word."""
    return crc32(form.encode()) % CODES
