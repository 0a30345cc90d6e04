"""What several tasks have in common: tables, columns, settings. Equal tables let tasks share what they train."""

from spaces.tasks import Columns, Split, Table

NLI = ("entailment", "neutral", "contradiction")
SENTENCES = {"text_a": "sentence1", "text_b": "sentence2"}
PREMISES = {"text_a": "premise", "text_b": "hypothesis"}
QUESTIONS = {"text_a": "question1", "text_b": "question2"}

CONVERTED = "refs/convert/parquet"  # the hub's own conversion, of repositories that otherwise hold only a script

Tables = dict[Split, Table | tuple[Table, ...]]


def english(repository: str, config: str, columns: Columns, revision: str = "") -> Tables:
    """Training and dev table of a repository."""
    return {
        "train": Table(repository, config, "train", columns, revision=revision),
        "dev": Table(repository, config, "validation", columns, revision=revision),
    }


def in_xtreme(config: str, columns: Columns) -> Tables:
    """Training, dev and test table of a configuration of google/xtreme; `config` holds the language."""
    return {**english("google/xtreme", config, columns), "test": Table("google/xtreme", config, "test", columns)}


def sentences_to_mine(split: str) -> tuple[Table, Table]:
    """The two sides of a BUCC collection.

    The hub has the pairs alone; these come from the shared task's own files, by way of a mirror.
    """
    folder = ("bucc/bucc2018-mining-pool", "{code}-en")
    return Table(*folder, split + "{code}"), Table(*folder, split + "en")


MNLI_TRAIN = Table("nyu-mll/glue", "mnli", "train", PREMISES)
MNLI_DEV = Table("nyu-mll/glue", "mnli", "validation_matched", PREMISES)
SNLI_TRAIN = Table("stanfordnlp/snli", "plain_text", "train", PREMISES)
SNLI_DEV = Table("stanfordnlp/snli", "plain_text", "validation", PREMISES)
ANLI_TRAIN, ANLI_DEV = (
    tuple(Table("facebook/anli", "plain_text", f"{split}_r{n}", PREMISES) for n in (1, 2, 3))
    for split in ("train", "dev")
)
XQUAD = Table("google/xtreme", "XQuAD.{code}", "validation")
# XQuAD's questions are part of SQuAD's dev set, which selects. They are left out of it wherever SQuAD is trained on, so
# that XQuAD's, MLQA's and the intermediate task's training stay one stage. The ids are the same in every language.
SQUAD: Tables = {
    "train": Table("rajpurkar/squad", "plain_text", "train"),
    "dev": Table("rajpurkar/squad", "plain_text", "validation", without=XQUAD),
}

QA = {"batch_size": 16, "max_length": 384}  # Phang et al. 2020's settings for span QA
