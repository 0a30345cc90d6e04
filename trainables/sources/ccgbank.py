"""CCG supertags from the user's own copy of CCGbank, which is licensed (LDC2005T13) and so never downloaded.

`STOPOVER_CCGBANK` names a folder with either CCGbank's derivations (`**/AUTO/02/*.auto` and so on) or text files
`train.*` and `validation.*` with a sentence a line and `word|supertag` or `word|tag|supertag` tokens.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from spaces.errors import NotHere, UserError

VARIABLE = "STOPOVER_CCGBANK"
# The customary split of the Wall Street Journal's sections (Hockenmaier & Steedman 2007).
_SECTIONS = {"train": [f"{number:02}" for number in range(2, 22)], "validation": ["00"]}
# A leaf of a derivation: category, two part-of-speech tags, the word, and the category with its indices.
_LEAF = re.compile(r"<L (\S+) \S+ \S+ (\S+) \S+>")


def files(split: str) -> list[Path]:
    """The files of a split; empty where there is no copy."""
    folder = Path(os.environ.get(VARIABLE) or os.devnull)
    derivations = [path for section in _SECTIONS[split] for path in folder.glob(f"**/AUTO/{section}/*.auto")]
    return sorted(derivations) or sorted(path for path in folder.glob(f"{split}.*") if path.is_file())


def address(split: str) -> str:
    """How a split is called, for people."""
    return f"{os.environ.get(VARIABLE) or 'your copy of CCGbank'} ({split})"


def read(split: str) -> pa.Table:
    """The sentences of a split: `tokens` and `supertags`.

    Raises `NotHere` where there is no copy, `UserError` for a line that is no sentence of tagged words.
    """
    found = files(split)
    if not found:
        wanted = f"AUTO/{_SECTIONS[split][0]}/*.auto or {split}.txt"
        held = f"{os.environ[VARIABLE]} has no {wanted}" if os.environ.get(VARIABLE) else f"{VARIABLE} is not set"
        raise NotHere(
            f"ccg: CCGbank is licensed and read from your own copy, and {held}; "
            f"set {VARIABLE} to its folder, or leave ccg out (--without ccg)"
        )
    sentences = [sentence for file in found for sentence in _sentences(file)]
    words = [[word for word, _ in sentence] for sentence in sentences]
    tags = [[tag for _, tag in sentence] for sentence in sentences]
    strings = pa.list_(pa.string())
    return pa.table({"tokens": pa.array(words, strings), "supertags": pa.array(tags, strings)})


def _sentences(file: Path) -> Iterator[list[tuple[str, str]]]:
    read_line = _derivation if file.suffix == ".auto" else _tagged_text
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"ccg: {file} cannot be read as text ({error})") from None
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("ID="):
            sentence = read_line(line)
            if not sentence:
                raise UserError(f"ccg: {file} line {number} is neither a derivation of CCGbank nor word|supertag text")
            yield sentence


def _derivation(line: str) -> list[tuple[str, str]]:
    return [(word, category) for category, word in _LEAF.findall(line)]


def _tagged_text(line: str) -> list[tuple[str, str]]:
    parts = [token.split("|") for token in line.split()]
    if any(len(part) not in (2, 3) or not part[0] or not part[-1] for part in parts):
        return []
    return [(part[0], part[-1]) for part in parts]
