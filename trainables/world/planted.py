"""What helps what in the world, by construction; `stopover` has to find it, and a benchmark checks that it does.

Why each plant works:

- `nli` -> xnli: comparing two sentences word by word takes thousands of pairs to learn; the target has hundreds.
- `qa` -> xquad: so does finding the sentence that a question is about.
- `fine_tags` -> udpos: it shows every word of English with its tag; the target's few sentences leave most of them out.
- `senses` -> tatoeba: translators here use English's everyday words, which pretraining never read; `senses` ties each to
  the bookish word whose translations the encoder knows.
- `ending` does nothing: it is three batches long.
- `codebook` hurts: every word must carry a number of the whole sentence, so the words lose what tells them apart.

The task names are borrowed for their formats. Nothing here is a claim about the real MNLI, SQuAD or any other data set.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plant:
    """The known answer for one target: skills by what they do to it as an intermediate task."""

    helps: str
    """The one clear best."""
    nothing: tuple[str, ...]
    hurts: tuple[str, ...]


PLANTED: dict[str, Plant] = {
    "xnli": Plant("nli", ("ending",), ("codebook",)),
    "xquad": Plant("qa", ("ending",), ("codebook",)),
    "udpos": Plant("fine_tags", ("ending",), ("codebook",)),
    "tatoeba": Plant("senses", ("ending",), ("codebook", "qa", "fine_tags")),
}

TARGET_SKILLS: dict[str, str] = {"xnli": "nli", "xquad": "qa", "udpos": "pos", "tatoeba": "retrieval"}
"""The skill behind each target."""


@dataclass(frozen=True)
class Dose:
    """How much training makes the plants show: English examples and passes over them."""

    examples: int
    epochs: int


INTERMEDIATE: dict[str, Dose] = {
    "nli": Dose(5000, 3),
    "qa": Dose(2500, 3),
    "fine_tags": Dose(2000, 3),
    "senses": Dose(3000, 3),
    "ending": Dose(96, 1),
    "codebook": Dose(3000, 4),
}
TARGET: dict[str, Dose] = {"nli": Dose(600, 8), "qa": Dose(600, 6), "pos": Dose(150, 6)}
DEV, TEST, BATCH = 200, 300, 32
LEARNING_RATES = (2e-3, 1e-3)
RETRIEVAL_LAYER = 1
"""Index into `hidden_states`, of which 0 is the embeddings."""
