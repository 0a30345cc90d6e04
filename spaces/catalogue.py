"""The tasks that Stopover knows. Adding one is one declaration here; docs/add-a-task.md shows it."""

from spaces.errors import UserError, did_you_mean
from spaces.languages import XTREME_LANGUAGES
from spaces.tasks import Columns, Format, Role, Split, Table, Task

_NLI = ("entailment", "neutral", "contradiction")
# The order is google/xtreme's own class list.
_UPOS = tuple("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split())
_INTERMEDIATE = frozenset({Role.INTERMEDIATE})
_TARGET = frozenset({Role.TARGET})

_SENTENCES = {"text_a": "sentence1", "text_b": "sentence2"}
_PREMISES = {"text_a": "premise", "text_b": "hypothesis"}
_QUESTIONS = {"text_a": "question1", "text_b": "question2"}
_GOLD = {"source_id": "source_lang", "target_id": "target_lang"}
_NER = tuple("O B-PER I-PER B-ORG I-ORG B-LOC I-LOC".split())
WORLD = "world"  # in place of a repository: the task exists in the embedded world only
_CONVERTED = "refs/convert/parquet"  # the hub's own conversion, of repositories that otherwise hold only a script
_Tables = dict[Split, Table | tuple[Table, ...]]


def _english(repository: str, config: str, columns: Columns, revision: str = "") -> _Tables:
    return {
        "train": Table(repository, config, "train", columns, revision=revision),
        "dev": Table(repository, config, "validation", columns, revision=revision),
    }


def _in_xtreme(config: str, columns: Columns) -> _Tables:
    return {**_english("google/xtreme", config, columns), "test": Table("google/xtreme", config, "test", columns)}


def _sentences_to_mine(split: str) -> tuple[Table, Table]:
    # The hub has the pairs alone; these come from the shared task's own files, by way of a mirror.
    folder = ("bucc/bucc2018-mining-pool", "{code}-en")
    return Table(*folder, split + "{code}"), Table(*folder, split + "en")


_MNLI_TRAIN = Table("nyu-mll/glue", "mnli", "train", _PREMISES)
_MNLI_DEV = Table("nyu-mll/glue", "mnli", "validation_matched", _PREMISES)
_SNLI_TRAIN = Table("stanfordnlp/snli", "plain_text", "train", _PREMISES)
_SNLI_DEV = Table("stanfordnlp/snli", "plain_text", "validation", _PREMISES)
_ANLI_TRAIN, _ANLI_DEV = (
    tuple(Table("facebook/anli", "plain_text", f"{split}_r{n}", _PREMISES) for n in (1, 2, 3))
    for split in ("train", "dev")
)
# The same tables wherever SQuAD is trained on, so that those tasks share stages.
_SQUAD = _english("rajpurkar/squad", "plain_text", {})

_DECLARED = (
    Task(
        name="mnli",
        title="MultiNLI (Williams et al. 2018)",
        format=Format.SENTENCE_PAIR,
        roles=_INTERMEDIATE,
        tables={"train": _MNLI_TRAIN, "dev": _MNLI_DEV},
        metric="accuracy",
        labels=_NLI,
        licence="OANC and others",
        world="nli",
    ),
    Task(
        name="anli_plus",
        title="Adversarial NLI, rounds 1 to 3 (Nie et al. 2020), with MultiNLI and SNLI",
        format=Format.SENTENCE_PAIR,
        roles=_INTERMEDIATE,
        tables={
            "train": (*_ANLI_TRAIN, _MNLI_TRAIN, _SNLI_TRAIN),
            "dev": (*_ANLI_DEV, _MNLI_DEV, _SNLI_DEV),
        },
        metric="accuracy",
        labels=_NLI,
        licence="CC BY-NC 4.0 and those of MNLI and SNLI",
        world="nli",
    ),
    Task(
        name="snli",
        title="Stanford NLI (Bowman et al. 2015)",
        format=Format.SENTENCE_PAIR,
        roles=_INTERMEDIATE,
        tables={"train": _SNLI_TRAIN, "dev": _SNLI_DEV},
        metric="accuracy",
        labels=_NLI,
        licence="CC BY-SA 4.0",
        world="nli",
    ),
    Task(
        name="qqp",
        title="Quora Question Pairs (Iyer et al. 2017)",
        format=Format.SENTENCE_PAIR,
        roles=_INTERMEDIATE,
        tables=_english("nyu-mll/glue", "qqp", _QUESTIONS),
        metric="accuracy",
        labels=("not_duplicate", "duplicate"),
        licence="Quora's terms (research)",
        world="paraphrase",
    ),
    Task(
        name="rte",
        title="Recognizing Textual Entailment (GLUE)",
        format=Format.SENTENCE_PAIR,
        roles=_INTERMEDIATE,
        tables=_english("nyu-mll/glue", "rte", _SENTENCES),
        metric="accuracy",
        labels=("entailment", "not_entailment"),
        licence="GLUE's terms",
        world="paraphrase",
    ),
    Task(
        name="hellaswag",
        title="HellaSwag (Zellers et al. 2019)",
        format=Format.MULTIPLE_CHOICE,
        roles=_INTERMEDIATE,
        tables=_english("Rowan/hellaswag", "default", {"context": "ctx", "question": "", "choices": "endings"}),
        metric="accuracy",
        labels=tuple("0123"),
        licence="MIT",
        world="choice",
    ),
    Task(
        name="cosmos_qa",
        title="Cosmos QA (Huang et al. 2019)",
        format=Format.MULTIPLE_CHOICE,
        roles=_INTERMEDIATE,
        tables=_english(
            "allenai/cosmos_qa",
            "default",
            {"choices": ("answer0", "answer1", "answer2", "answer3")},
            revision=_CONVERTED,
        ),
        metric="accuracy",
        labels=tuple("0123"),
        licence="CC BY 4.0",
        world="choice",
    ),
    Task(
        name="commonsense_qa",
        title="CommonsenseQA (Talmor et al. 2019)",
        format=Format.MULTIPLE_CHOICE,
        roles=_INTERMEDIATE,
        tables=_english(
            "tau/commonsense_qa",
            "default",
            {"context": "question", "question": "", "choices": "choices.text", "label": "answerKey"},
        ),
        metric="accuracy",
        labels=tuple("ABCDE"),
        licence="MIT",
        world="choice_of_5",
    ),
    Task(
        name="social_iqa",
        title="Social IQa (Sap et al. 2019)",
        format=Format.MULTIPLE_CHOICE,
        roles=_INTERMEDIATE,
        tables=_english(
            "allenai/social_i_qa", "default", {"choices": ("answerA", "answerB", "answerC")}, revision=_CONVERTED
        ),
        metric="accuracy",
        labels=tuple("123"),
        licence="CC BY 4.0",
        world="choice_of_3",
    ),
    Task(
        name="squad_v1",
        title="SQuAD 1.1 (Rajpurkar et al. 2016)",
        format=Format.SPAN_QA,
        roles=_INTERMEDIATE,
        tables=_SQUAD,
        metric="f1_em",
        licence="CC BY-SA 4.0",
        world="qa",
    ),
    Task(
        name="squad_v2",
        title="SQuAD 2.0, with questions that have no answer (Rajpurkar et al. 2018)",
        format=Format.SPAN_QA,
        roles=_INTERMEDIATE,
        tables=_english("rajpurkar/squad_v2", "squad_v2", {}),
        metric="f1_em",
        licence="CC BY-SA 4.0",
        unanswerable=True,
        world="qa_or_none",
    ),
    Task(
        name="ud_xpos",
        title="Fine-grained English part-of-speech tags (UD English EWT)",
        format=Format.TAGGING,
        roles=_INTERMEDIATE,
        tables=_english("universal-dependencies/universal_dependencies", "en_ewt", {"tags": "xpos"}),
        metric="accuracy",
        licence="CC BY-SA 4.0",
        world="fine_tags",
    ),
    *(
        Task(
            name=f"world_{skill}",
            title=title,
            format=form,
            roles=_INTERMEDIATE,
            tables=_english(WORLD, skill, columns),
            metric="accuracy",
            labels=labels,
            licence="generated",
            world=skill,
        )
        for skill, form, columns, labels, title in (
            ("senses", Format.TAGGING, {}, (), "The sense of every word (the embedded world only)"),
            ("codebook", Format.TAGGING, {}, (), "An arbitrary code for every word (the embedded world only)"),
            (
                "ending",
                Format.SENTENCE_PAIR,
                _SENTENCES,
                ("statement", "question"),
                "Which end mark (the embedded world only)",
            ),
        )
    ),
    Task(
        name="xnli",
        title="XNLI (Conneau et al. 2018)",
        format=Format.SENTENCE_PAIR,
        roles=_TARGET,
        tables={
            "train": _MNLI_TRAIN,
            "dev": Table("facebook/xnli", "{code}", "validation", _PREMISES),
            "test": Table("facebook/xnli", "{code}", "test", _PREMISES),
        },
        metric="accuracy",
        languages=tuple("ar bg de el en es fr hi ru sw th tr ur vi zh".split()),
        labels=_NLI,
        licence="CC BY-NC 4.0",
        world="nli",
    ),
    Task(
        name="pawsx",
        title="PAWS-X (Yang et al. 2019)",
        format=Format.SENTENCE_PAIR,
        roles=_TARGET,
        tables=_in_xtreme("PAWS-X.{code}", _SENTENCES),
        metric="accuracy",
        languages=tuple("de en es fr ja ko zh".split()),
        labels=("0", "1"),
        licence="free for any purpose",
        world="paraphrase",
    ),
    Task(
        name="udpos",
        title="Part-of-speech tags (Universal Dependencies 2.5, as XTREME cuts it)",
        format=Format.TAGGING,
        roles=_TARGET,
        tables=_in_xtreme("udpos.{name}", {"tags": "pos_tags"}),
        metric="f1",
        languages=tuple(
            "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh".split()
        ),
        labels=_UPOS,
        licence="each treebank's own",
        world="pos",
    ),
    Task(
        name="xquad",
        title="XQuAD (Artetxe et al. 2020)",
        format=Format.SPAN_QA,
        roles=_TARGET,
        tables={**_SQUAD, "test": Table("google/xtreme", "XQuAD.{code}", "validation")},
        metric="f1_em",
        languages=tuple("en es de el ru tr ar vi th zh hi".split()),
        licence="CC BY-SA 4.0",
        world="qa",
    ),
    Task(
        name="panx",
        title="PAN-X: named entities (Pan et al. 2017)",
        format=Format.TAGGING,
        roles=_TARGET,
        tables=_in_xtreme("PAN-X.{code}", {"tags": "ner_tags"}),
        metric="f1",
        languages=XTREME_LANGUAGES,
        labels=_NER,
        licence="none stated; text from Wikipedia",
        world="entities",
    ),
    Task(
        name="mlqa",
        title="MLQA, question and context in one language (Lewis et al. 2020)",
        format=Format.SPAN_QA,
        roles=_TARGET,
        tables={**_SQUAD, "test": Table("google/xtreme", "MLQA.{code}.{code}", "test")},
        metric="f1_em",
        languages=tuple("en es de ar hi vi zh".split()),
        licence="CC BY-SA 3.0",
        normaliser="mlqa",
        world="qa",
    ),
    Task(
        name="tydiqa",
        title="TyDiQA-GoldP (Clark et al. 2020)",
        format=Format.SPAN_QA,
        roles=_TARGET,
        tables={
            # Its English dev set is what XTREME tests on, so the dev set here is a tenth of the training set.
            "train": Table("google/xtreme", "tydiqa", "train", ids="{language}-", share=(0.0, 0.9)),
            "dev": Table("google/xtreme", "tydiqa", "train", ids="{language}-", share=(0.9, 1.0)),
            "test": Table("google/xtreme", "tydiqa", "validation", ids="{language}-"),
        },
        metric="f1_em",
        languages=tuple("en ar bn fi id ko ru sw te".split()),
        licence="Apache-2.0",
        world="qa",
    ),
    Task(
        name="bucc2018",
        title="BUCC 2018: bitext mining (Zweigenbaum et al. 2018)",
        format=Format.MINING,
        roles=_TARGET,
        tables={
            "dev": (Table("google/xtreme", "bucc18.{code}", "validation", _GOLD), *_sentences_to_mine("")),
            "test": (Table("google/xtreme", "bucc18.{code}", "test", _GOLD), *_sentences_to_mine("test.")),
        },
        metric="f1",
        languages=tuple("de fr ru zh".split()),
        licence="the shared task's (Wikipedia and news commentary)",
        world="retrieval",
    ),
    Task(
        name="tatoeba",
        title="Tatoeba (Artetxe & Schwenk 2019)",
        format=Format.RETRIEVAL,
        roles=_TARGET,
        tables={"test": Table("google/xtreme", "tatoeba.{iso3}", "validation")},
        metric="accuracy",
        languages=tuple(code for code in XTREME_LANGUAGES if code not in {"en", "ms", "my", "yo"}),
        licence="CC BY 2.0 FR",
        world="retrieval",
    ),
)

TASKS: dict[str, Task] = {task.name: task for task in _DECLARED}


def task_named(name: str, role: Role) -> Task:
    """The task of a name that can play a role; raises `UserError` with the nearest known name."""
    fitting = [task.name for task in TASKS.values() if role in task.roles]
    if name not in TASKS:
        raise UserError(f"unknown {role} task '{name}': {did_you_mean(name, fitting)}")
    if role not in TASKS[name].roles:
        raise UserError(f"'{name}' is not a {role} task: {did_you_mean(name, fitting)}")
    return TASKS[name]
