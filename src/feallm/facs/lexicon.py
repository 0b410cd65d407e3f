"""The phrases answers are read by: word classes, patterns per action unit and emotion, and their trie.

A pattern is a row of keys; a key is a word class (upper case) or a word itself. Parts and states combine in
both orders ("raised cheeks", "the cheeks are raised"); words that carry no meaning here (articles, adverbs,
forms of "be", "pulled", "of") may stand between two keys and are skipped by the scanner.

Choices: a smile is AU12 and no emotion; a frown is AU4, a frowning mouth AU15; a smirk is AU14; raised or
arched brows without "inner" or "outer" are AU1 and AU2; an open mouth is AU25, a hanging one AU26, a wide
open one AU27; a sneer or a grimace names no unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

from feallm.facs.action_units import ACTION_UNITS, MUSCLES
from feallm.facs.emotions import EMOTION_WORDS

_PART_WORDS: dict[str, str] = {
    "BROW": "brow brows eyebrow eyebrows",
    "EYE": "eye eyes",
    "LID": "lid lids eyelid eyelids",
    "IRIS": "iris irises",
    "CHEEK": "cheek cheeks",
    "NOSE": "nose nasal",
    "ROOT": "root bridge side sides wing wings ridge",
    "LIP": "lip lips",
    "MOUTH": "mouth",
    "TEETH": "teeth",
    "CHIN": "chin",
    "JAW": "jaw",
    "FOREHEAD": "forehead",
    "END": "end ends corner corners part parts portion portions edge edges tip tips third thirds",
    "INNER": "inner medial inside",
    "OUTER": "outer outside",
    "UPPER": "upper top",
    "LOWER": "lower bottom",
}

_STATE_WORDS: dict[str, str] = {
    "UP": "raised raise raises raising raiser lifted lift lifts lifting elevated elevate elevates up upward "
    "upwards upraised risen rise rises",
    "DOWN": "lowered lowers lowering lowerer down downward downwards depressed depressor droop droops "
    "drooping drooped sag sags sagging",
    "UPTURNED": "upturned",
    "DOWNTURNED": "downturned",
    "CURVE": "curve curves curved curving turn turns turned turning",
    "TOGETHER": "together",
    "KNIT": "knit knits knitted knitting",
    "FURROW": "furrow furrows furrowed furrowing crease creases creased creasing",
    "FROWN": "frown frowns frowned frowning",
    "OBLIQUE": "oblique slant slants slanted slanting",
    "ARCH": "arch arches arched arching",
    "WIDE": "wide widen widens widened widening wider",
    "OPEN": "open opens opened opening",
    "CLOSED": "closed shut closes",
    "HALF": "half halfway partially partly",
    "WRINKLE": "wrinkle wrinkles wrinkled wrinkling wrinkler crinkle crinkles crinkled crinkling",
    "SCRUNCH": "scrunch scrunches scrunched scrunching",
    "TIGHT": "tight tighten tightens tightened tightening tightener tense tensed tenses tensing tension",
    "NARROW": "narrow narrows narrowed narrowing",
    "SQUINT": "squint squints squinted squinting",
    "STRAIGHT": "straight straightened straightens",
    "CURL": "curl curls curled curling",
    "INWARD": "inward inwards",
    "DIMPLE": "dimple dimples dimpled dimpling dimpler",
    "STRETCH": "stretch stretches stretched stretching stretcher",
    "SIDEWAYS": "sideways horizontally laterally sidewards horizontal",
    "BACK": "back backward backwards",
    "THIN": "thin thinned thins thinning",
    "PRESS": "press presses pressed pressing pressor presser compressed",
    "SQUEEZE": "squeeze squeezes squeezed squeezing",
    "PARTED": "parted parting part",
    "APART": "apart separated separate gap",
    "DROP": "drop drops dropped dropping",
    "HANG": "hang hangs hanging agape",
    "SLACK": "slack slackened",
    "GAPE": "gape gapes gaping gaped",
    "EXPOSED": "exposed bared visible showing shown seen show shows expose exposes exposing exposure",
    "BUNCH": "bunch bunched bunches bunching",
    "PUCKER": "pucker puckers puckered puckering",
    "FUNNEL": "funnel funneled funnelled funneler",
    "SUCK": "suck sucked sucks sucking",
    "PUFF": "puff puffed puffs puffing",
    "DEEP": "deepened deepens deepener deepening deep",
    "PULL": "pull puller",
}

_OTHER_WORDS: dict[str, str] = {
    "SMILE": "smile smiles smiling smiled grin grins grinning",
    "SMIRK": "smirk smirks smirking",
    "BLINK": "blink blinks blinking blinked",
    "CROW": "crow's crows crow crow´s",
    "WHITE": "white whites sclera",
}

KEYS: dict[str, str] = {
    word: key
    for table in (_PART_WORDS, _STATE_WORDS, _OTHER_WORDS)
    for key, words in table.items()
    for word in words.split()
}
"""Word -> word class; a word without a class is its own key."""

PARTS = frozenset(_PART_WORDS)


def word_set(text: str) -> frozenset[str]:
    """Return the words of a line as a set."""
    return frozenset(text.split())


FILLERS = word_set(
    "the a an his her their its this that these those which who of at in on to toward towards along across "
    "over around near beside by into out are is was were be been being am do does did look looks looked "
    "looking appear appears appearing appeared remain remains stay stays seem seems have has had having "
    "become becomes both all very quite somewhat so also still well more most a bit little far just pulled "
    "pulling pulls drawn draw draws drawing pushed push pushes pushing turn turns turned turning held hold "
    "kept form forms formed forming show shows shown showing visible seen set moved move moves pars - "
    "rolled squarely set even too much any some noticeable clear marked pronounced strong slight mild "
    "subtle"
)
VERBS = word_set(
    "is are was were be been has have had do does did look looks appear appears remain remains stay stays "
    "seem seems become becomes form forms show shows"
)

_CORNERS = "LIP END|END LIP|MOUTH END|END MOUTH"
_INNER = "INNER BROW|INNER BROW END|INNER END BROW|BROW INNER END"
_OUTER = "OUTER BROW|OUTER BROW END|OUTER END BROW|BROW OUTER END"
_LIDS = "LID|UPPER LID|LOWER LID"
_BOTH = "INNER and OUTER BROW|OUTER and INNER BROW|INNER and OUTER END BROW|INNER and OUTER BROW END"

# units -> (parts, states): every part with every state, in both orders.
_COMBINATIONS: tuple[tuple[str, str, str], ...] = (
    ("AU01", _INNER, "UP|CURVE UP"),
    ("AU01", "BROW|EYE BROW", "OBLIQUE"),
    ("AU01 AU02", f"BROW|{_BOTH}", "UP|ARCH"),
    ("AU02", _OUTER, "UP|CURVE UP"),
    ("AU04", f"BROW|{_INNER}", "DOWN|TOGETHER|KNIT|FURROW|SQUEEZE|DOWN TOGETHER|KNIT TOGETHER|FROWN"),
    ("AU04", "FOREHEAD", "FURROW"),
    ("AU05", "UPPER LID|LID", "UP"),
    ("AU05", "EYE", "WIDE|WIDE OPEN|OPEN WIDE"),
    ("AU06", "CHEEK", "UP"),
    ("AU06", "EYE|OUTER END EYE|END EYE", "WRINKLE"),
    ("AU07", _LIDS, "TIGHT|NARROW|STRAIGHT|SQUINT"),
    ("AU07", "EYE", "NARROW|SQUINT|TIGHT"),
    ("AU09", "NOSE|ROOT NOSE|NOSE ROOT|ROOT and ROOT NOSE", "WRINKLE|SCRUNCH"),
    ("AU10", "UPPER LIP", "UP|CURL|CURL UP"),
    ("AU11", "nasolabial|nasolabial FURROW|nasolabial fold|nasolabial folds", "DEEP"),
    ("AU12", _CORNERS, "UP|CURVE UP|UPTURNED|PULL|PULL UP|UP and BACK|BACK UP|BACK and UP"),
    ("AU12", "MOUTH|LIP", "UPTURNED|CURVE UP|CURL UP"),
    ("AU13", "LIP|LIP END", "sharp PULL"),
    ("AU14", _CORNERS, "TIGHT|INWARD"),
    ("AU14", "CHEEK|MOUTH|LIP END", "DIMPLE"),
    ("AU15", _CORNERS, "DOWN|CURVE DOWN|DOWNTURNED|DROP|PULL DOWN"),
    ("AU15", "MOUTH|LIP", "DOWNTURNED|CURVE DOWN|FROWN|CURL DOWN"),
    ("AU16", "LOWER LIP", "DOWN|PULL DOWN|CURVE DOWN"),
    ("AU16", "LOWER TEETH", "EXPOSED"),
    ("AU17", "CHIN|CHIN boss", "UP|WRINKLE|SCRUNCH|BUNCH|DIMPLE"),
    ("AU17", "LOWER LIP", "UP|PULL UP|CURVE UP"),
    ("AU18", "LIP|MOUTH", "PUCKER"),
    ("AU19", "tongue", "out|EXPOSED|protruding|protrudes"),
    ("AU20", "LIP", "STRETCH|SIDEWAYS|STRETCH SIDEWAYS|SIDEWAYS STRETCH|BACK|WIDE STRETCH"),
    ("AU20", "MOUTH", "SIDEWAYS|STRETCH SIDEWAYS|SIDEWAYS STRETCH|TIGHT STRETCH"),
    ("AU20", _CORNERS, "BACK|SIDEWAYS|STRETCH|STRETCH SIDEWAYS"),
    ("AU22", "LIP", "FUNNEL"),
    ("AU23", "LIP", "TIGHT|NARROW|rolled THIN|THIN rolled"),
    ("AU24", "LIP", "PRESS|PRESS TOGETHER|SQUEEZE|SQUEEZE TOGETHER|TIGHT PRESS|PRESS CLOSED"),
    ("AU25", "LIP|MOUTH", "OPEN|PARTED|APART"),
    ("AU26", "JAW", "DOWN|DROP|OPEN|HANG|HANG OPEN|DROP OPEN|SLACK|LOWER"),
    ("AU26", "MOUTH", "HANG|HANG OPEN|DROP|DROP OPEN"),
    ("AU26", "TEETH", "APART|PARTED"),
    ("AU27", "MOUTH|JAW", "STRETCH|STRETCH OPEN|STRETCH WIDE|STRETCH WIDE OPEN"),
    ("AU27", "MOUTH|JAW", "WIDE OPEN|OPEN WIDE|GAPE|GAPE OPEN"),
    ("AU28", "LIP", "SUCK|SUCK in"),
    ("AU34", "CHEEK", "PUFF|PUFF out"),
    ("AU43", "EYE|LID", "CLOSED"),
    # Phrases that look like a unit and name none.
    ("", "LOWER LID", "UP"),
    ("", "EYE|LID", "OPEN|HALF OPEN|HALF CLOSED"),
    ("", "LIP|MOUTH", "CLOSED|WIDE|THIN"),
)  # fmt: skip

_PHRASES: tuple[tuple[str, str], ...] = (
    (
        "AU01",
        "BROW UP INNER|BROW UP INNER END|BROW UP middle|BROW UP center|BROW UP centre|UP BROW INNER END",
    ),
    ("AU02", "BROW UP OUTER END|UP BROW OUTER END"),
    ("AU04", "BROW LOWER|FROWN|FROWN BROW|FURROW between BROW|FURROW BROW|WRINKLE between BROW"),
    ("AU05", "WHITE above IRIS|WHITE EYE above IRIS|WHITE EYE EXPOSED above IRIS|WHITE EXPOSED above IRIS"),
    ("AU05", "WIDE eyed"),
    ("AU06", "CROW feet|WRINKLE OUTER END EYE|WRINKLE END EYE|WRINKLE EYE"),
    ("AU07", "SQUINT|TIGHT LID|TIGHT LOWER LID|TIGHT UPPER LID"),
    ("AU12", "SMILE"),
    ("AU14", "SMIRK|DIMPLE"),
    ("AU17", "pout chin"),
    ("AU23", "TIGHT lipped"),
    ("AU24", "LIP PRESS against|LIP PRESS PRESS"),
    ("AU25", "APART between LIP"),
    ("AU45", "BLINK|EYE BLINK"),
    ("", "no doubt|without doubt|without a doubt|no surprise that|no wonder|not only|not just|not merely"),
    ("", "not simply|happy to|glad to|pleased to|i am afraid|i'm afraid|afraid that|i fear|as if"),
    ("", "as expected|no expression of|no other|SMILE lines|lower to"),
    (
        "",
        "no emotion other|no emotion except|no emotion besides|no emotion but|i'd say|would say",
    ),
    (
        "",
        "would describe",
    ),
    (
        "",
        "would call|would classify|would label|would be described|would be best described",
    ),
    (
        "",
        "would be classified",
    ),
)


@dataclass(frozen=True)
class Meaning:
    """What a phrase names: its kind, its values, and whether it names them for certain."""

    kind: str  # "emotion" | "au" | "" for a phrase that only looks like one
    values: tuple[str, ...]
    sure: bool = True


@dataclass
class Node:
    """A trie node: the next keys, and the meaning of the phrase that ends here."""

    next: dict[str, Node] = field(default_factory=dict)
    meaning: Meaning | None = None


def key_of(word: str) -> str:
    """Return the key of a lower-case word; every negated verb form has the key "not"."""
    if word.endswith("n't") or word == "cannot":
        return "not"
    return KEYS.get(word, word)


def _add(root: Node, keys: list[str], meaning: Meaning) -> None:
    node = root
    for key in keys:
        node = node.next.setdefault(key, Node())
    if node.meaning is None:
        node.meaning = meaning


def _meaning(units: str) -> Meaning:
    return Meaning("au" if units else "", tuple(units.split()))


def _add_muscles(root: Node) -> None:
    """Add the muscles. One that several units share is read as each of them, uncertain."""
    for muscle, unit in MUSCLES.items():
        shared = tuple(
            au.id
            for au in ACTION_UNITS.values()
            if au.number != 45 and any(name.startswith(muscle) for name in au.muscles)
        )
        meaning = Meaning("au", (unit,) if unit else shared, sure=unit is not None)
        words = muscle.split()
        _add(root, words, meaning)
        if words[-1].endswith("alis") and len(words) > 1:  # "orbicularis oculi (pars orbitalis)"
            for mark in (",", "("):
                _add(root, [*words[:-1], mark, words[-1]], meaning)


def build_trie() -> Node:
    """Return the trie of every phrase; where two phrases share their keys the first one stands."""
    root = Node()
    for emotion, phrases in EMOTION_WORDS.items():
        for phrase in phrases:
            _add(root, [key_of(word) for word in phrase.split()], Meaning("emotion", (emotion,)))
    for units, phrases_of in _PHRASES:
        for phrase in phrases_of.split("|"):
            _add(root, [word if word in PARTS else key_of(word) for word in phrase.split()], _meaning(units))
    for units, parts, states in _COMBINATIONS:
        for part, state in product(parts.split("|"), states.split("|")):
            _add(root, [*part.split(), *state.split()], _meaning(units))
            _add(root, [*state.split(), *part.split()], _meaning(units))
    for unit in ACTION_UNITS.values():
        _add(root, [key_of(word) for word in unit.name.split()], Meaning("au", (unit.id,)))
    _add_muscles(root)
    return root


TRIE = build_trie()
