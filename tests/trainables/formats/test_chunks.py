import pytest

from trainables.formats.chunks import chunk_counts, chunks


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("", []),
        ("O O", []),
        ("B-PER I-PER O B-LOC", [("PER", 0, 1), ("LOC", 3, 3)]),
        ("B-PER B-PER", [("PER", 0, 0), ("PER", 1, 1)]),
        ("O I-PER I-PER", [("PER", 1, 2)]),  # an I- without its B- begins a chunk
        ("B-PER I-LOC I-LOC", [("PER", 0, 0), ("LOC", 1, 2)]),
        ("B-PER I-PER", [("PER", 0, 1)]),
        ("I-A E-A I-A", [("A", 0, 1), ("A", 2, 2)]),
        ("S-A S-A I-A", [("A", 0, 0), ("A", 1, 1), ("A", 2, 2)]),
        ("NOUN NOUN VERB", [("NOUN", 0, 1), ("VERB", 2, 2)]),  # a run of one part of speech is one chunk
        ("SYM SYM", [("SYM", 0, 0), ("SYM", 1, 1)]),  # what starts with S closes at once
        ("SCONJ NOUN", [("SCONJ", 0, 0), ("NOUN", 1, 1)]),
        ("INTJ INTJ", [("INTJ", 0, 1)]),  # INTJ acts as I-
        ("ADJ O ADJ", [("ADJ", 0, 0), ("ADJ", 2, 2)]),
        ("X X", [("X", 0, 1)]),
    ],
)
def test_chunks_follow_the_rules_of_seqeval_0_0_12(tags: str, expected: list[tuple[str, int, int]]) -> None:
    assert chunks(tags.split()) == expected


def test_a_chunk_counts_only_whole() -> None:
    gold = ["DET NOUN NOUN VERB".split(), "NOUN VERB".split()]
    predicted = ["DET NOUN VERB VERB".split(), "NOUN VERB".split()]
    counts = chunk_counts(gold, predicted)
    # first: DET right; NOUN 1-1 is not NOUN 1-2, VERB 2-3 is not VERB 3-3. Second: both right
    assert (counts.right, counts.found, counts.there) == ([1, 2], [3, 2], [3, 2])
    assert counts.precision == counts.recall == counts.f1 == pytest.approx(60)


def test_precision_and_recall_differ_where_numbers_do() -> None:
    counts = chunk_counts([["B-A", "O", "O"]], [["B-A", "B-B", "B-C"]])
    assert counts.precision == pytest.approx(100 / 3)
    assert counts.recall == 100
    assert counts.f1 == pytest.approx(50)


def test_sentences_do_not_run_into_one_another() -> None:
    assert chunk_counts([["X"], ["X"]], [["X"], ["X"]]).there == [1, 1]


def test_without_chunks_all_is_zero() -> None:
    counts = chunk_counts([["O"]], [["O"]])
    assert (counts.precision, counts.recall, counts.f1) == (0, 0, 0)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 words has 1 predicted"):
        chunk_counts([["X", "X"]], [["X"]])
    with pytest.raises(ValueError):
        chunk_counts([["X"], ["X"]], [["X"]])
