"""Labels as XTREME's own preprocessing makes them of a mirror's rows.

The rows are first written as the raw downloads that `utils_preprocess.py` reads, straight from the parquet files; none
of Stopover's reading is in between. Test files lose their labels there and dev files keep them, so the rows are given
as the dev set. QA and BUCC need no function of it: its `remove_qa_test_annotations` only blanks the answers of SQuAD's
JSON, so the labels are the file before (and it refuses the few answers whose place the hub's copies have shifted by a
stripped blank); BUCC's pairs go through no Python at all (`scripts/download_data.sh` moves the file).
"""

import contextlib
import csv
import io
import json
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from spaces import language_named

Rows = list[dict[str, Any]]
_TATOEBA = tuple(  # of `tatoeba_preprocess`, which reads them all
    "afr ara bul ben deu ell spa est eus pes fin fra heb hin hun ind ita jpn jav kat kaz kor mal mar nld por rus swh"
    " tam tel tha tgl tur urd vie cmn aze lit pol ukr ron".split()
)


class Labels:
    """Writes label files under `folder` as `<task>/test-<language>.tsv|json`.

    `script` is the module `utils_preprocess`, `instead` names by task the split that stands in for its test set.
    """

    def __init__(self, script: Any, mirror: Path, instead: dict[str, str], folder: Path) -> None:
        self.script = script
        self.mirror = mirror
        self.instead = instead
        self.folder = folder
        self.raw = folder / "raw"

    def write(self, task: str, codes: Sequence[str]) -> None:
        """Writes the labels of one task in some languages."""
        made = getattr(self, f"_{task}")(codes)
        for code, content in made.items():
            path = self.folder / task / f"test-{code}.{'json' if task in {'xquad', 'mlqa', 'tydiqa'} else 'tsv'}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def _xnli(self, codes: Sequence[str]) -> dict[str, str]:
        header = "language\tgold_label\t2\t3\t4\t5\tsentence1\tsentence2"
        lines = [header]
        for code in codes:
            rows, names = self._rows("facebook__xnli", code, "test", "label")
            fields = [(names[row["label"]], *[""] * 4, row["premise"], row["hypothesis"]) for row in rows]
            lines += ["\t".join((code, *map(_on_one_line, field))) for field in fields]
        raw = self.raw / "xnli"
        _write(raw / "XNLI-1.0" / "xnli.dev.tsv", lines)
        _write(raw / "XNLI-1.0" / "xnli.test.tsv", [header])
        _write(raw / "XNLI-MT-1.0" / "multinli" / "multinli.train.en.tsv", ["premise\thypo\tlabel"])
        made = self._preprocess("xnli", raw)
        return {code: _column_of_csv(made / f"dev-{code}.tsv") for code in codes}

    def _pawsx(self, codes: Sequence[str]) -> dict[str, str]:
        raw = self.raw / "pawsx"
        for code in "de en es fr ja ko zh".split():
            rows, _ = self._rows("google__xtreme", f"PAWS-X.{code}", "test") if code in codes else ([], None)
            fields = [
                (str(number), row["sentence1"], row["sentence2"], row["label"]) for number, row in enumerate(rows)
            ]
            lines = ["id\tsentence1\tsentence2\tlabel", *("\t".join(map(_on_one_line, field)) for field in fields)]
            for name in ("train", "dev_2k", "test_2k"):
                _write(raw / code / f"{name}.tsv", lines)
        made = self._preprocess("pawsx", raw)
        return {code: _column_of_csv(made / f"dev-{code}.tsv") for code in codes}

    def _panx(self, codes: Sequence[str]) -> dict[str, str]:
        raw = self.raw / "panx"
        for code in codes:
            rows, names = self._rows("google__xtreme", f"PAN-X.{code}", "test", "ner_tags")
            lines = []
            for row in rows:
                lines += [f"{code}:{token}\t{names[tag]}" for token, tag in zip(row["tokens"], row["ner_tags"])] + [""]
            for split in ("train", "dev", "test"):
                _write(raw / f"{code}-{split}", lines)
        self.script.PANX_LANGUAGES = list(codes)  # it stops at a language whose files are not there
        made = self._preprocess("panx", raw)
        return {code: _last_column(made / f"dev-{code}.tsv") for code in codes}

    def _udpos(self, codes: Sequence[str]) -> dict[str, str]:
        raw = self.raw / "udpos"
        for code in codes:
            rows, names = self._rows("google__xtreme", f"udpos.{language_named(code).name}", "test", "pos_tags")
            lines = []
            for row in rows:
                words = enumerate(zip(row["tokens"], row["pos_tags"]), start=1)
                lines += ["\t".join([str(n), word, "_", names[tag], *["_"] * 6]) for n, (word, tag) in words] + [""]
            _write(raw / code / "treebank-dev.conll", lines)
        made = self._preprocess("udpos", raw)
        return {code: _last_column(made / f"dev-{code}.tsv") for code in codes}

    def _xquad(self, codes: Sequence[str]) -> dict[str, str]:
        return {code: _squad(self._rows("google__xtreme", f"XQuAD.{code}", "validation")[0]) for code in codes}

    def _mlqa(self, codes: Sequence[str]) -> dict[str, str]:
        split = self.instead.get("mlqa", "test")
        return {code: _squad(self._rows("google__xtreme", f"MLQA.{code}.{code}", split)[0]) for code in codes}

    def _tydiqa(self, codes: Sequence[str]) -> dict[str, str]:
        rows, _ = self._rows("google__xtreme", "tydiqa", "validation")
        return {
            code: _squad([row for row in rows if row["id"].startswith(f"{language_named(code).name.lower()}-")])
            for code in codes
        }

    def _bucc2018(self, codes: Sequence[str]) -> dict[str, str]:
        split = self.instead.get("bucc2018", "test")
        gold = {code: self._rows("google__xtreme", f"bucc18.{code}", split)[0] for code in codes}
        return {
            code: "".join(f"{row['source_lang']}\t{row['target_lang']}\n" for row in rows)
            for code, rows in gold.items()
        }

    def _tatoeba(self, codes: Sequence[str]) -> dict[str, str]:
        """The reference writes the sorted English file; a label is the row that a line of it has in the raw one."""
        raw = self.raw / "tatoeba"
        names = {language_named(code).iso3: code for code in codes}
        for name in _TATOEBA:
            rows = self._rows("google__xtreme", f"tatoeba.{name}", "validation")[0] if name in names else []
            _write(raw / f"tatoeba.{name}-eng.{name}", [_on_one_line(row["source_sentence"].strip()) for row in rows])
            _write(raw / f"tatoeba.{name}-eng.eng", [_on_one_line(row["target_sentence"].strip()) for row in rows])
        made = self._preprocess("tatoeba", raw)
        return {code: _rows_in(raw / f"tatoeba.{name}-eng.eng", made / f"{code}-en.en") for name, code in names.items()}

    def _rows(self, dataset: str, config: str, split: str, column: str = "") -> tuple[Rows, list[str]]:
        """The rows of a table and the names of a column's classes."""
        table = pq.read_table(self.mirror / dataset / config / f"{split}.parquet")
        features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
        feature = features.get(column, {})
        return table.to_pylist(), feature.get("feature", feature).get("names", [])

    def _preprocess(self, task: str, raw: Path) -> Path:
        made = self.folder / "made" / task
        with contextlib.redirect_stdout(io.StringIO()):
            getattr(self.script, f"{task}_preprocess")(Namespace(data_dir=str(raw), output_dir=str(made)))
        return made


def sampled(content: str, rows: Sequence[int]) -> str:
    """Some examples of a label file: where a sweep's test sets were capped, its predictions are of these alone."""
    if content.startswith("{"):
        squad = json.loads(content)
        questions = [
            (paragraph["context"], question)
            for article in squad["data"]
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
        chosen = [questions[row] for row in rows]
        names = _told_apart([question["id"].split("#")[0] for _, question in chosen])
        kept = [
            {"context": context, "qas": [question | {"id": name}]}
            for (context, question), name in zip(chosen, names, strict=True)
        ]
        return json.dumps({"version": squad["version"], "data": [{"title": "", "paragraphs": kept}]})
    if "\n\n" in content:
        sentences = content.strip("\n").split("\n\n")
        return "\n\n".join(sentences[row] for row in rows) + "\n"
    lines = content.splitlines()
    return "".join(f"{lines[row]}\n" for row in rows)


def _squad(rows: Rows) -> str:
    """SQuAD's JSON, a paragraph per run of questions about one text."""
    names = iter(_told_apart([row["id"] for row in rows]))
    paragraphs = []
    for context, asked in groupby(rows, key=lambda row: row["context"]):
        questions = []
        for row in asked:
            texts = zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
            answers = [{"text": text, "answer_start": start} for text, start in texts]
            questions.append({"id": next(names), "question": row["question"], "answers": answers})
        paragraphs.append({"context": context, "qas": questions})
    return json.dumps({"version": "1.1", "data": [{"title": "", "paragraphs": paragraphs}]}, ensure_ascii=False)


def _told_apart(ids: Sequence[str]) -> list[str]:
    """Ids, those numbered that come again: some copies of TyDiQA have renumbered them, and answers go by id."""
    seen: Counter[str] = Counter()
    names = []
    for name in ids:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def _rows_in(raw: Path, made: Path) -> str:
    """The row in a raw file of every line of the file that was made of it; of equal lines the first comes first."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, line in enumerate(raw.read_text(encoding="utf-8").split("\n")[:-1]):
        rows[line].append(row)
    return "".join(f"{rows[line].pop(0)}\n" for line in made.read_text(encoding="utf-8").split("\n")[:-1])


def _column_of_csv(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return "".join(f"{row[-1]}\n" for row in csv.reader(file, delimiter="\t"))


def _last_column(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").split("\n")
    return "\n".join(line.split("\t")[-1] for line in lines)


def _on_one_line(text: str) -> str:
    return " ".join(text.replace("\t", " ").splitlines())


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
