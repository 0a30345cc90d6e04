from spaces.errors import did_you_mean


def test_a_near_name_is_suggested() -> None:
    assert did_you_mean("xnil", ["xquad", "xnli", "tatoeba"]) == "did you mean 'xnli'?"


def test_without_a_near_name_all_are_listed_in_order() -> None:
    assert did_you_mean("zzz", ["xquad", "mnli"]) == "known: mnli, xquad"
