"""The world: generated languages, tasks and a pretrained encoder, so that Stopover runs with no download at all.

Six invented languages speak of one space of meanings. What transfers in the world is planted (`planted.PLANTED`), so
that a search can be checked against a known answer. The names that tasks carry here (`mnli`, `squad_v1` ...) only say
which format and part they play; nothing measured in the world says anything about the real data sets.

Only `pretrain`, `encoder` and `tokenizer` need torch or tokenizers; the rest is numpy and pyarrow.
"""

from trainables.world.data import SKILLS, TAG_NAMES, monolingual, parallel, rows
from trainables.world.languages import LANGUAGES, Language

__all__ = ["LANGUAGES", "SKILLS", "TAG_NAMES", "Language", "monolingual", "parallel", "rows"]
