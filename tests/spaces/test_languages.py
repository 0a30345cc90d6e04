import pytest

from spaces import LANGUAGES, UserError, language_named
from spaces.languages import WORLD_LANGUAGES, XTREME_LANGUAGES

# Hu et al. 2020, table 2: the languages of PAN-X, which has them all.
FORTY = (
    "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv "
    "ka kk ko ml mr ms my nl pt ru sw ta te th tl tr ur vi yo zh"
)


def test_the_languages_are_the_forty_of_xtreme() -> None:
    assert " ".join(XTREME_LANGUAGES) == FORTY


@pytest.mark.parametrize("spelling", ["name", "iso3"])
def test_no_two_languages_are_spelled_alike(spelling: str) -> None:
    assert len({getattr(language, spelling) for language in LANGUAGES.values()}) == len(LANGUAGES)


def test_invented_languages_have_private_codes_but_for_the_one_in_englishs_part() -> None:
    invented = set(WORLD_LANGUAGES) - {"en"}
    assert WORLD_LANGUAGES[0] == "en"
    assert invented == set(LANGUAGES) - set(XTREME_LANGUAGES)
    assert all("qaa" <= code <= "qtz" for code in invented)  # ISO 639-2 keeps qaa to qtz for private use


@pytest.mark.parametrize(
    ("code", "name", "family", "iso3"),
    [
        ("de", "German", "IE:Germanic", "deu"),
        ("zh", "Chinese", "Sino-Tibetan", "cmn"),
        ("sw", "Swahili", "Niger-Congo", "swh"),
        ("fa", "Persian", "IE:Iranian", "pes"),
    ],
)
def test_a_code_gives_what_the_repositories_call_it(code: str, name: str, family: str, iso3: str) -> None:
    language = language_named(code)
    assert (language.code, language.name, language.family, language.iso3) == (code, name, family, iso3)


def test_an_unknown_code_is_an_error_that_names_it() -> None:
    with pytest.raises(UserError, match="unknown language 'xx'"):
        language_named("xx")
