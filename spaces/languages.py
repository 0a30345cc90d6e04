"""The languages that targets are scored in: XTREME's 40 and the invented ones of the embedded world."""

from dataclasses import dataclass

from spaces.errors import UserError, did_you_mean


@dataclass(frozen=True)
class Language:
    """A language as reports group it and as data repositories spell it.

    `code` is ISO 639-1 (private-use ISO 639-2 for invented languages), `iso3` what Tatoeba's
    configurations are called by, `name` what Universal Dependencies' are called by.
    """

    code: str
    name: str
    family: str
    script: str
    iso3: str


# XTREME's 40 (Hu et al. 2020, table 2: families as given there), written as one table because it is one.
_XTREME = """
af Afrikaans   IE:Germanic   Latin      afr
ar Arabic      Afro-Asiatic  Arabic     ara
bg Bulgarian   IE:Slavic     Cyrillic   bul
bn Bengali     IE:Indo-Aryan Bengali    ben
de German      IE:Germanic   Latin      deu
el Greek       IE:Greek      Greek      ell
en English     IE:Germanic   Latin      eng
es Spanish     IE:Romance    Latin      spa
et Estonian    Uralic        Latin      est
eu Basque      Basque        Latin      eus
fa Persian     IE:Iranian    Perso-Arabic pes
fi Finnish     Uralic        Latin      fin
fr French      IE:Romance    Latin      fra
he Hebrew      Afro-Asiatic  Hebrew     heb
hi Hindi       IE:Indo-Aryan Devanagari hin
hu Hungarian   Uralic        Latin      hun
id Indonesian  Austronesian  Latin      ind
it Italian     IE:Romance    Latin      ita
ja Japanese    Japonic       Ideograms  jpn
jv Javanese    Austronesian  Latin      jav
ka Georgian    Kartvelian    Georgian   kat
kk Kazakh      Turkic        Cyrillic   kaz
ko Korean      Koreanic      Hangul     kor
ml Malayalam   Dravidian     Malayalam  mal
mr Marathi     IE:Indo-Aryan Devanagari mar
ms Malay       Austronesian  Latin      zsm
my Burmese     Sino-Tibetan  Burmese    mya
nl Dutch       IE:Germanic   Latin      nld
pt Portuguese  IE:Romance    Latin      por
ru Russian     IE:Slavic     Cyrillic   rus
sw Swahili     Niger-Congo   Latin      swh
ta Tamil       Dravidian     Tamil      tam
te Telugu      Dravidian     Telugu     tel
th Thai        Kra-Dai       Brahmic    tha
tl Tagalog     Austronesian  Latin      tgl
tr Turkish     Turkic        Latin      tur
ur Urdu        IE:Indo-Aryan Perso-Arabic urd
vi Vietnamese  Austro-Asiatic Latin     vie
yo Yoruba      Niger-Congo   Latin      yor
zh Chinese     Sino-Tibetan  Ideograms  cmn
"""

# The embedded world's languages. The one that plays English's part there has English's code.
_WORLD = """
qaa Halden         Asternic      Latin      qaa
qab Velmic         Asternic      Latin      qab
qac Orovan         Orovic        Cyrillic   qac
qad Tharani        Tharic        Devanagari qad
qae Kelu           Keluic        Georgian   qae
"""


def _languages(rows: str) -> dict[str, Language]:
    return {row.split()[0]: Language(*row.split()) for row in rows.strip().splitlines()}


XTREME_LANGUAGES: tuple[str, ...] = tuple(_languages(_XTREME))
WORLD_LANGUAGES: tuple[str, ...] = ("en", *_languages(_WORLD))
LANGUAGES: dict[str, Language] = _languages(_XTREME) | _languages(_WORLD)


def language_named(code: str) -> Language:
    """The language of a code; raises `UserError` with the nearest known code."""
    if code not in LANGUAGES:
        raise UserError(f"unknown language '{code}': {did_you_mean(code, LANGUAGES)}")
    return LANGUAGES[code]
