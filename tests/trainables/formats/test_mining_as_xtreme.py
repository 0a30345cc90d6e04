"""Mining held against XTREME's own functions: `STOPOVER_XTREME` names a checkout of google-research/xtreme.

They need faiss; `STOPOVER_XTREME_PYTHON` names an interpreter that has it and numpy, where this one does not.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from trainables.formats.mining import Collection, best_threshold

CHECKOUT = os.environ.get("STOPOVER_XTREME", "")
PYTHON = os.environ.get("STOPOVER_XTREME_PYTHON", sys.executable)
THEIRS = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from third_party.utils_retrieve import bucc_eval, mine_bitext
threshold = None
for split in ("dev", "test"):
    vectors = [np.load(f"{split}.{side}.npy") for side in "xy"]
    mine_bitext(*vectors, f"{split}.x.txt", f"{split}.y.txt", f"{split}.mined", dist="cosine")
    files = [f"{split}.{side}.{kind}" for kind in ("txt", "id") for side in "xy"]
    gold = f"{split}.gold" if threshold is None else None
    told = bucc_eval(f"{split}.mined", gold, *files, f"{split}.pairs", threshold)
    threshold = told["best-threshold"] if told else threshold
print(json.dumps(threshold))
"""

Vectors = dict[str, NDArray[np.float32]]


def made(seed: int) -> tuple[Collection, Vectors]:
    """Sixty sentences a side of which forty translate, more or less; some come again, some with a blank more."""
    rng = np.random.default_rng(seed)
    meanings = rng.standard_normal((80, 12))
    places = {"x": range(60), "y": range(20, 80)}
    vectors = {
        f"{side}{n}": (meanings[n] + rng.normal(0, 0.55, 12)).astype(np.float32) for side in "xy" for n in places[side]
    }
    sides = {side: [f"{side}{n}" for n in rng.permutation(list(places[side]))] for side in "xy"}
    for names in sides.values():
        names[5], names[9], names[30] = names[17], names[21], names[44] + " "
    ids = {side: [f"{side}-{row:03}" for row in range(60)] for side in "xy"}
    gold = {
        (row, match)
        for row, one in enumerate(sides["x"])
        for match, other in enumerate(sides["y"])
        if one.strip()[1:] == other.strip()[1:] and rng.random() < 0.9
    }
    return Collection((sides["x"], sides["y"]), (ids["x"], ids["y"]), gold, list(range(60))), vectors


def write(collection: Collection, vectors: Vectors, split: str, folder: Path) -> None:
    for side, sentences, ids in zip("xy", collection.sentences, collection.ids, strict=True):
        (folder / f"{split}.{side}.txt").write_text("".join(f"{sentence}\n" for sentence in sentences))
        (folder / f"{split}.{side}.id").write_text("".join(f"{name}\n" for name in ids))
        np.save(folder / f"{split}.{side}.npy", np.stack([vectors[sentence.strip()] for sentence in sentences]))
    (folder / f"{split}.gold").write_text("".join(f"{pair}\n" for pair in named(collection, collection.gold)))


def named(collection: Collection, pairs: set[tuple[int, int]]) -> set[str]:
    return {f"{collection.ids[0][one]}\t{collection.ids[1][other]}" for one, other in pairs}


@pytest.mark.skipif(not CHECKOUT, reason="STOPOVER_XTREME names no checkout of google-research/xtreme")
@pytest.mark.parametrize("seed", range(5))
def test_threshold_and_pairs_are_those_of_xtremes_script(tmp_path: Path, seed: int) -> None:
    (dev, of_dev), (test, of_test) = made(seed), made(seed + 100)
    write(dev, of_dev, "dev", tmp_path)
    write(test, of_test, "test", tmp_path)
    command = [PYTHON, "-W", "ignore", "-c", THEIRS, str(Path(CHECKOUT).absolute())]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    candidates = dev.candidates(lambda sentences: np.stack([of_dev[sentence] for sentence in sentences]))
    threshold = best_threshold(candidates, dev.gold)
    assert threshold == pytest.approx(json.loads(told.splitlines()[-1]), rel=1e-5)
    mined = test.candidates(lambda sentences: np.stack([of_test[sentence] for sentence in sentences])).above(threshold)
    theirs = set((tmp_path / "test.pairs").read_text().splitlines())
    assert named(test, set(mined)) == theirs
    assert 0 < len(theirs & named(test, test.gold)) < len(theirs)
