"""What an expression does not tell: how questions that get a refusal are worded. The answers: `facs.refusals`."""

from feallm.analyze.wordings import wordings
from feallm.facs.refusals import refuse

_HARMLESS = wordings(
    "pretty (sure/certain/clear/clearly/strong/much/confident), what makes THING (look/seem/appear)",
    "where is (it/this/that) (seen/visible/shown), (do/did/would/can) you think, good reason*",
)
"""Wordings that hold a word of the lists below and are questions about the expression."""

REFUSALS = {
    "identity": wordings(
        "who, who's, who is, whose, identif*, identity, celebrit*, famous, named, same person, name $",
        "(name/names) of PERSON, (his/her/their) (name/names), what name",
        "recogni* THING, THING called, (do/did) you know (him/her/them/this)",
    ),
    "age": wordings(
        "age, ages, aged, how (old/young), years old, year old, underage, under age, under 18, birthday, born",
        "(is/are/was/looks) THING ?too ?an ?a (old/young/elderly/teen*/minor/adult/baby/child/kid) $",
        "(a/an) (child/kid/adult/teen*/minor/baby) $",
    ),
    "gender": wordings(
        "gender, sex, male, female, transgender, non-binary, pronoun, pronouns",
        "(a/the) (man/woman/boy/girl/guy/lady) $, (man/woman/boy/girl) or ?a (man/woman/boy/girl)",
    ),
    "ethnicity": wordings(
        "ethnic*, race, races, racial, nationalit*, religio*, skin (color/colour/tone), ancestry, origin*",
        "where (is/are) THING ?originally from, (what/which) (country/nation) (is/are/does/do) PERSON",
        "asian*, african*, caucasian*, hispanic*, latino*, latina*, arab*, indian*, chinese, japanese, european*",
        "american*, jewish, muslim*, christian*, (is/are/was) THING (black/white/brown) $",
    ),
    "honesty": wordings(
        "PERSON (lies/lie/lied), (is/are/was) PERSON lying, lying, liar*, a lie, honest*",
        "dishonest*, truth*, deceiv*, decept*, deceit*, sincer*, insincer*",
        "genuine*, fake, fakes, faked, faking, pretend*, bluff*, guilty, innocent, hiding something",
    ),
    "personality": wordings(
        "personalit*, character, introvert*, extrovert*, intelligen*, smart, clever, stupid, trustworth*",
        "(trust/believe) PERSON, dangerous, aggressive, criminal*, friendly, unfriendly, hire, employee*",
        "(is/are/was) PERSON ?a (nice/kind/good/bad/evil/confident/shy/lazy)",
    ),
    "attractiveness": wordings(
        "attractive*, unattractive*, beaut*, handsome, pretty, prettier, ugly, cute, good-looking, good looking",
        "hot, hotter, sexy, rate (his/her/their) (looks/face)",
    ),
    "health": wordings(
        "ill, illness*, health*, unhealthy, sick*, diseas*, diagnos*, depressed, depression, depressive, anxiety",
        "autis*, adhd, bipolar, schizo*, psych*, disorder*, mental*, pain, tired*, fatigue*, drunk, drug*, stroke",
        "medical*, pregnant, stress*, symptom*, insane, suicid*",
    ),
    "thoughts": wordings(
        "PERSON ?really think*, thinking, thought*, intend*, intent*, plan, plans, planned, planning, motiv*",
        "about to, going to, will PERSON, PERSON ?really (want*/like/likes/love/loves/hate/hates)",
        "(his/her/their) mind, in love, what made THING, what makes PERSON, what happened",
        "what (is/are) PERSON (looking/reacting/laughing) at, reacting to",
    ),
    "place": wordings(
        "where (is/was/are/were) THING, where (is/was) the (photo/picture/image), where ... taken, location",
        "(what/which) (city/country/place/town/year/day/time), when (is/was), background, indoors, outdoors",
        "behind PERSON, weather",
    ),
    "looks": wordings(
        "hair*, beard*, glasses, cloth*, wear, wears, wearing, tattoo*, color, colour, makeup, make-up, jewel*",
        "hat, skin, how tall, PERSON weigh*, (his/her/their) weight, fat",
    ),
}
"""Topic -> how questions of it are worded."""


def refused_topic(question: str) -> str | None:
    """The topic that a question outside the expression is about, None for all other questions."""
    rest = _HARMLESS.sub(" ", question)
    return next((topic for topic, worded in REFUSALS.items() if worded.search(rest)), None)


def refusal(topic: str) -> str:
    """One sentence: that it cannot be told, and what can be asked instead. Raises KeyError for another topic."""
    return refuse(topic)
