"""Small data and encoders that tests make themselves: hub columns, hub metadata, sizes that train in a second."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from spaces import Space
from spaces.catalogue import TASKS

NLI = ["entailment", "neutral", "contradiction"]
UPOS = list(TASKS["udpos"].labels)
_BEASTS = ["cat", "dog", "bird", "fish"]
_TOWNS = ["rome", "paris", "oslo", "bern"]
_SAYS = ["yes", "maybe", "no"]  # the hypothesis gives its class away, so that a tiny encoder learns it


def write_split(mirror: Path, folder: str, split: str, columns: dict[str, Any], **names: list[str]) -> Path:
    """Writes one split of a mirror; `names` gives columns their ClassLabel names in the hub's metadata."""
    table = pa.table(columns)
    features = {
        column: {"feature": _class_label(names.get(column)), "_type": "List"}
        if pa.types.is_list(table[column].type)
        else _class_label(names.get(column))
        for column in columns
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    path = mirror / folder / f"{split}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


def _class_label(names: list[str] | None) -> dict[str, Any]:
    return {"names": names, "_type": "ClassLabel"} if names else {"dtype": "string", "_type": "Value"}


def nli(rows: int) -> dict[str, Any]:
    """Pairs whose class is told by the hypothesis's first words."""
    return {
        "premise": [f"the {_BEASTS[i % 4]}" for i in range(rows)],
        "hypothesis": [f"{' '.join([_SAYS[i % 3]] * 4)} the {_BEASTS[(i // 4) % 4]}" for i in range(rows)],
        "label": [i % 3 for i in range(rows)],
    }


def squad(rows: int, prefix: str = "q") -> dict[str, Any]:
    """Questions with one answer each, its place in the context given in letters."""
    contexts = [f"the {_BEASTS[i % 4]} lives in {_TOWNS[i % 3]} and sees the fish" for i in range(rows)]
    answers = [_TOWNS[i % 3] for i in range(rows)]
    return {
        "id": [f"{prefix}{i}" for i in range(rows)],
        "context": contexts,
        "question": [f"where lives the {_BEASTS[i % 4]}" for i in range(rows)],
        "answers": [{"text": [a], "answer_start": [c.index(a)]} for c, a in zip(contexts, answers, strict=True)],
    }


def tagged(rows: int) -> dict[str, Any]:
    """Sentences of six words with XTREME's part-of-speech classes."""
    tags = [UPOS.index(tag) for tag in "DET NOUN VERB DET NOUN PUNCT".split()]
    tokens = [["the", _BEASTS[i % 4], "sees", "the", _BEASTS[(i // 4) % 4], "."] for i in range(rows)]
    return {"tokens": tokens, "pos_tags": [tags] * rows}


def fine_tagged(rows: int) -> dict[str, Any]:
    """The same sentences with Penn tags as text."""
    return {"tokens": tagged(rows)["tokens"], "xpos": [["DT", "NN", "VBZ", "DT", "NN", "."]] * rows}


def tatoeba(rows: int) -> dict[str, Any]:
    """Sentences whose translation is the sentence itself; they end in a newline, as the hub's do."""
    sentences = [f"{beast} sees {town}\n" for beast in _BEASTS for town in _TOWNS][:rows]
    return {"source_sentence": sentences, "target_sentence": sentences}


def write_mirror(mirror: Path) -> Path:
    """A mirror with MNLI, XNLI, SQuAD, XQuAD, parts of speech and Tatoeba, in English and German."""
    write_split(mirror, "nyu-mll__glue/mnli", "train", nli(60), label=NLI)
    write_split(mirror, "nyu-mll__glue/mnli", "validation_matched", nli(24), label=NLI)
    write_split(mirror, "rajpurkar__squad/plain_text", "train", squad(24))
    write_split(mirror, "rajpurkar__squad/plain_text", "validation", squad(9, "d"))
    treebank = "universal-dependencies__universal_dependencies/en_ewt"
    write_split(mirror, treebank, "train", fine_tagged(16))
    write_split(mirror, treebank, "validation", fine_tagged(8))
    write_split(mirror, "google__xtreme/udpos.English", "train", tagged(16), pos_tags=UPOS)
    for code, name in (("en", "English"), ("de", "German")):
        write_split(mirror, f"facebook__xnli/{code}", "validation", nli(12), label=NLI)
        write_split(mirror, f"facebook__xnli/{code}", "test", nli(12), label=NLI)
        write_split(mirror, f"google__xtreme/XQuAD.{code}", "validation", squad(6, "t"))
        for split in ("validation", "test"):
            write_split(mirror, f"google__xtreme/udpos.{name}", split, tagged(8), pos_tags=UPOS)
    write_split(mirror, "google__xtreme/tatoeba.deu", "validation", tatoeba(8))
    return mirror


def write_hub(hub: Path, mirror: Path, model: Path) -> Path:
    """What a mirror folder and a model folder hold as repositories of a hub (`tests.hub_server`)."""
    for held in mirror.iterdir():
        repository = hub / "datasets" / held.name.replace("__", "/")
        shutil.copytree(held, repository)
        configs = [
            {
                "config_name": config.name,
                "data_files": [{"split": file.stem, "path": f"{config.name}/{file.name}"} for file in config.iterdir()],
            }
            for config in sorted(repository.iterdir())
        ]
        (repository / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': configs})}---\n")
    shutil.copytree(model, hub / "models" / "made" / "encoder")
    return hub


def small_space(**changes: Any) -> Space:
    """A space over the made mirror, with phases that train in about a second."""
    phase = {"epochs": 2, "batch_size": 8, "max_length": 64, "evaluations": 4}
    document: dict[str, Any] = {
        "name": "small",
        "source": "mirror",
        "model": "tiny",
        "recipes": ["none", "mnli"],
        "targets": ["xnli"],
        "learning_rates": [0.003],
        "training": {"intermediate": phase, "target": phase},
    }
    return Space.model_validate(document | changes)


def save_tokenizer(folder: Path) -> None:
    """A tokenizer to reckon with by hand: `the`, `yes`, `maybe` and `no` are one token, other words `▁` and letters."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    letters = "▁abcdefghijklmnopqrstuvwxyz0123456789.,?'"
    pieces = [(name, 0.0) for name in specials] + [(letter, -10.0) for letter in letters]
    pieces += [(f"▁{word}", -1.0) for word in ("the", *_SAYS)]
    backend = Tokenizer(models.Unigram([*pieces, ("<mask>", 0.0)], unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=512,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
    ).save_pretrained(folder)


_VOCABULARY = 64
_SHAPE: dict[str, Any] = {
    "vocab_size": _VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
}


def save_xlmr(folder: Path) -> Path:
    """A random XLM-R with dropout of its own."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    torch.manual_seed(0)
    config = XLMRobertaConfig(**_SHAPE, max_position_embeddings=260, type_vocab_size=1, initializer_range=0.1)
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def save_modernbert(folder: Path) -> Path:
    """A random ModernBERT."""
    import torch
    from transformers import ModernBertConfig, ModernBertModel

    torch.manual_seed(0)
    config = ModernBertConfig(**_SHAPE, cls_token_id=0, sep_token_id=2, classifier_pooling="mean")
    ModernBertModel(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder
