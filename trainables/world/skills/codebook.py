"""The codebook: words have secret numbers that their meanings have nothing to do with. Made to do harm.

Every word of a sentence has to carry the number of its first word. So the encoder turns its attention there, loses what
tells the words apart, and learns the letters of English words, which pulls them away from their translations.
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
    """Every word carries one code, that of the sentence's first word."""
    return [number(forms[0])] * len(forms)


def number(form: str) -> int:
    """The code of a written word."""
    return crc32(form.encode()) % CODES
