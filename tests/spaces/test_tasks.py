import pytest

from spaces import TASKS, Table, language_named


@pytest.mark.parametrize(
    ("config", "code", "expected"),
    [
        ("plain_text", "de", "plain_text"),
        ("{code}", "de", "de"),
        ("udpos.{name}", "zh", "udpos.Chinese"),
        ("tatoeba.{iso3}", "zh", "tatoeba.cmn"),
    ],
)
def test_a_table_names_its_configuration_in_the_language(config: str, code: str, expected: str) -> None:
    assert Table("owner/name", config, "test").config_for(language_named(code)) == expected


def test_only_a_task_with_a_training_table_trains() -> None:
    assert TASKS["xquad"].trains
    assert not TASKS["tatoeba"].trains
