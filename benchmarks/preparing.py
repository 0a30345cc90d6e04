"""How much memory and time does preparing a large training set take? MNLI's 392,702 pairs, of generated text.

    python benchmarks/preparing.py [--model FOLDER] [--rows 392702] [--rounds 3]

Stopover (read from a mirror, check, name by content, tokenise, write) and its peer, `datasets.map` over the same
parquet file with the same tokenizer in as many processes as there are cores, take turns in fresh processes. Prints the
median peak of resident memory (of child processes too, mapped files included), the time, and the ratios. Exit code 1
where Stopover needs more than 1.5 GB.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from peak import watched
from rich.console import Console
from rich.progress import track

from search.home import Home
from trainables.model_files import find_model

LIMIT = 1.5e9
MAX_LENGTH = 256
WORDS = (20, 10)  # of premise and hypothesis, as in MNLI


def main() -> int:
    """Prints the comparison; 0 where Stopover stays within the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="world", help="whose tokenizer; default: the embedded world's")
    parser.add_argument("--rows", type=int, default=392_702)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prepare", choices=PREPARE, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    model = find_model(arguments.model, Home(Path(".stopover")).caches.world_model)
    if arguments.prepare:
        PREPARE[arguments.prepare](arguments.folder, model)
        return 0
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in PREPARE}
    with tempfile.TemporaryDirectory() as folder:
        write_pairs(Path(folder), arguments.rows)
        for _ in range(arguments.rounds):
            for name in PREPARE:
                measured[name].append(measure(name, Path(folder), model))
                print(f"{name}: {measured[name][-1][0] / 1e9:.2f} GB, {measured[name][-1][1]:.0f} s", flush=True)
    peak, seconds = (
        {name: statistics.median(run[i] for run in runs) for name, runs in measured.items()} for i in (0, 1)
    )
    print(f"\n{arguments.rows:,} pairs, {os.cpu_count()} cores, medians of {arguments.rounds}")
    for name in PREPARE:
        rows = arguments.rows / seconds[name]
        print(f"{name:14} peak {peak[name] / 1e9:.2f} GB, {seconds[name]:.0f} s, {rows:,.0f} pairs/s")
    ratios = (peak["datasets.map"] / peak["stopover"], seconds["datasets.map"] / seconds["stopover"])
    print(f"datasets.map / stopover: memory {ratios[0]:.2f}, time {ratios[1]:.2f}")
    return 0 if peak["stopover"] <= LIMIT else 1


def write_pairs(folder: Path, rows: int) -> None:
    """MNLI's training file in a mirror: pairs of random words with the word frequencies of a language."""
    rng = np.random.default_rng(0)
    words = np.array(["".join(rng.choice(list("aeioulnrstdm"), rng.integers(2, 10))) for _ in range(20_000)])

    def texts(mean: int) -> list[str]:
        lengths = rng.poisson(mean, rows) + 1
        drawn = words[np.minimum(rng.zipf(1.3, lengths.sum()), len(words)) - 1]
        return [" ".join(part) for part in np.split(drawn, np.cumsum(lengths)[:-1])]

    columns = {"premise": texts(WORDS[0]), "hypothesis": texts(WORDS[1]), "label": rng.integers(0, 3, rows)}
    path = folder / "nyu-mll__glue" / "mnli" / "train.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), path, compression="zstd")


def measure(name: str, folder: Path, model: Path) -> tuple[float, float]:
    """Peak of resident memory (bytes, child processes included) and seconds of preparing in a fresh process."""
    command = [sys.executable, __file__, "--prepare", name, "--folder", str(folder), "--model", str(model)]
    seconds, peak = watched(command, _of_family)
    return peak, seconds


def _of_family(process: psutil.Process) -> int:
    return sum(_resident(one) for one in [process, *process.children(recursive=True)])


def _resident(process: psutil.Process) -> int:
    held = process.memory_full_info()
    # What several processes map is shared out among them, where the system can tell; else they count it each.
    return int(getattr(held, "pss", held.rss))


def with_stopover(folder: Path, model: Path) -> None:
    """What a trial does before its first step."""
    from spaces import TASKS
    from spaces.training import Training
    from trainables.encoded import encoding
    from trainables.encoder import load_tokenizer
    from trainables.examples import Data
    from trainables.formats import FINE_TUNING
    from trainables.model_files import tokenizer_digest
    from trainables.sources.mirror import MirrorSource

    task = TASKS["mnli"]
    examples = Data(MirrorSource(folder)).examples(task, "train")
    form = FINE_TUNING[task.format](task, task.labels, Training(max_length=MAX_LENGTH), load_tokenizer(model))
    with tempfile.TemporaryDirectory() as cache:
        steps = encoding(examples, form, tokenizer_digest(model), Path(cache))
        for _ in track(steps, "tokenising", total=-(-len(examples) // 1000), console=Console(stderr=True)):
            pass


def with_datasets(folder: Path, model: Path) -> None:
    """What fine-tuning scripts do before their first step."""
    import datasets
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    with tempfile.TemporaryDirectory() as cache:
        files = str(folder / "nyu-mll__glue" / "mnli" / "train.parquet")
        pairs = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=cache)
        pairs.map(
            lambda batch: tokenizer(batch["premise"], batch["hypothesis"], truncation=True, max_length=MAX_LENGTH),
            batched=True,
            num_proc=os.cpu_count(),
            remove_columns=["premise", "hypothesis"],
        )


PREPARE = {"stopover": with_stopover, "datasets.map": with_datasets}


if __name__ == "__main__":
    sys.exit(main())
