"""What helps what in the world, by construction: the known answer that a search is held against.

Why each plant works:

- `mnli` helps xnli: comparing two sentences word by word takes many thousands of pairs; the target has few.
- `squad_v1` helps xquad: so does finding the sentence that a question is about.
- `ud_xpos` helps udpos: it shows every word of English with its tag; the target's twelve sentences leave most out.
- `world_senses` helps tatoeba: translators here use English's everyday words, which pretraining never read; senses tie
  each to the bookish word whose translations the encoder knows.
- `world_ending` does nothing: it is three batches long.
- `world_codebook` hurts: every word must carry the number of another word, so words lose what tells them apart.

The names are borrowed for their formats: nothing here is a claim about the real MNLI, SQuAD or any other data set.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plant:
    """The known answer for one target, as recipes."""

    helps: str
    """The one clear best."""
    nothing: str
    hurts: str


PLANTED: dict[str, Plant] = {
    "xnli": Plant(helps="mnli", nothing="world_ending", hurts="world_codebook"),
    "xquad": Plant(helps="squad_v1", nothing="world_ending", hurts="world_codebook"),
    "udpos": Plant(helps="ud_xpos", nothing="world_ending", hurts="world_codebook"),
    "tatoeba": Plant(helps="world_senses", nothing="world_ending", hurts="world_codebook"),
    "bucc2018": Plant(helps="world_senses", nothing="world_ending", hurts="world_codebook"),
}
