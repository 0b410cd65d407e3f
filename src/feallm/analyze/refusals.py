"""What an expression does not tell: how questions that get a refusal are worded. The answers: `facs.refusals`."""

import re

from feallm.analyze.wordings import wordings

_HARMLESS = wordings(
    "pretty (sure/certain/clear/clearly/strong/much/confident), what makes THING (look/seem/appear)",
    "where is (it/this/that) (seen/visible/shown), (do/did/would/can) you think, good reason*",
)
"""Wordings that hold a word of the lists below and are questions about the expression."""

REFUSALS = {
    "identity": wordings(
        "who, who's, who is",
        "name (this/the) (person/man/woman), whose, identif*, identity, celebrit*, famous, named, same person, name $",
        "(name/names) of PERSON, (his/her/their) (name/names), what name",
        "recogni* THING, THING called, (do/did) you know (him/her/them/this), familiar, seen (him/her/them) before",
        "seen (this/that) (face/person/man/woman) ?ever before, (actor/actress/singer/president/politician/athlete)",
        "doppelg*, twin, twins, PERSON related, (mother/father/brother/sister/son/daughter)",
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
        "(trust/believe) PERSON, danger*, threat*, aggressive, violent, violence, attack*, harm*, hurt me, weapon*",
        "terrorist*, thief, murder*, criminal*, friendly, unfriendly, hire, employee*, iq, talent*, genius, dumb",
        "educat*, wise, foolish, loyal, leader*, narciss*, competent",
        "(is/are/was) PERSON ?a (nice/kind/good/bad/evil/confident/shy/lazy)",
    ),
    "attractiveness": wordings(
        "attractive*, unattractive*, beaut*, handsome, pretty, prettier, ugly, cute, good-looking, good looking",
        "hot, hotter, sexy, rate (his/her/their) (looks/face)",
    ),
    "health": wordings(
        "ill, illness*, health*, unhealthy, sick*, diseas*, diagnos*, depressed, depression, depressive, anxiety",
        "autis*, adhd, bipolar, schizo*, psych*, disorder*, mental*, pain, tired*, fatigue*, drunk, drug*, stroke",
        "medical*, pregnant, stress*, symptom*, insane, suicid*, parkinson*, alzheimer*, dementia, cancer, diabet*",
        "covid*, fever, flu, syndrome*, injur*, wound*, palsy, paraly*, blind, deaf, disab*, addict*, alcoholic*",
        "sober, hungover, exhausted, sleepy, asleep, sleep, medication*, epilep*, migraine*, headache*, dying, allerg*",
        "a cold",
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
    "life": wordings(
        "gay, lesbian*, bisexual*, (is/are) PERSON straight, queer, homosexual*, heterosexual*, sexual*",
        "married, marital, PERSON single, divorced, engaged to, (husband/wife/girlfriend/boyfriend/spouse), dating",
        "(have/has/any) ... (children/kids), parent, job, jobs, profession*, occupation*, career*, employed",
        "unemployed, (do/does) ... for a living, (work/works) (as/at/for/in), earn*, salary, income, rich",
        "PERSON ?so ?very poor, wealth*, money, millionaire*, vote for, party, politic*, republican*, democrat*",
        "conservative, liberal, partner",
        "(doctor/lawyer/teacher/student/soldier/nurse/engineer) $, homeless, social class",
    ),
    "looks": wordings(
        "hair*, beard*, glasses, cloth*, wear, wears, wearing, tattoo*, color, colour, makeup, make-up, jewel*",
        "hat, skin, how tall, PERSON weigh*, (his/her/their) weight, fat",
    ),
}
"""Topic -> how questions of it are worded."""

UNMEASURED = {
    "micro": wordings(
        "micro-expression*, microexpression*, micro expression*, how long, onset, offset, fleeting, lasts",
        "(was/were/be/feel/felt/look/looked) ... (before/later/tomorrow/yesterday) $, afterwards, ago",
    ),
    "made": wordings(
        "generated, deepfake*, photoshop*, edited, manipulated, synthetic, PERSON real, real (person/face/photo)",
        "(photo/picture/image/face) real",
    ),
    "posed": wordings("posed, posing, PERSON pose, spontaneous*, acted, acting, staged, felt $, real $, involuntar*"),
    "affect": wordings("arous*, valence, dominance, (affect/mood) (score/rating), how (pleasant/unpleasant/positive)"),
    "graded": wordings("half as (strong/intense)"),
    "head": wordings("head, gaze direction, (gaze/look/looking) (direction/away/down/up/straight)"),
}
"""Topics that a reading of one still face has no number for -> how questions of them are worded."""
_SOMEBODY = re.compile(
    r"\b(?:[Ii]s|[Ww]as|[Ii]sn't|[Aa]re|[Ll]ooks?|[Cc]ould|[Cc]an|[Mm]ight)\s+"
    r"(?:(?:this|that|it|he|she|they|the (?:man|woman|person|face|child|boy|girl)|like|be|really|not|a|"
    r"(?:picture|photo|image|portrait|face)|of)\s+)+"
    r"(?!(?:AU|FACS|FEALLM|Duchenne|English)\b)[A-ZÀ-Ý][a-zß-ÿ]+"
)
_NAME = re.compile(r"(?<=\w )(?!(?:Action|Facial|Coding|AUs?)\b)[A-ZÀ-Ý][a-zß-ÿ]+ [A-ZÀ-Ý][a-zß-ÿ]+")
_OF_PERSON = wordings(
    "he, she, him, his, her, hers, (this/that/the) (person/man/woman/child/boy/girl), someone, somebody",
)
_IS_THIS = re.compile(r"\W*(?:is|was|isn't) (?:this|that)\b", re.IGNORECASE)


def refused_topic(question: str) -> str | None:
    """The topic that a question outside the expression is about, None for all other questions."""
    rest = _HARMLESS.sub(" ", question)
    return next((topic for topic, worded in REFUSALS.items() if worded.search(rest)), None)


def unmeasured_topic(question: str) -> str | None:
    """The topic about the expression that no number stands for, None for all other questions."""
    return next((topic for topic, worded in UNMEASURED.items() if worded.search(question)), None)


def names_somebody(question: str) -> bool:
    """Whether a question asks if a face names somebody: a capitalised word after "is this", or two in a row."""
    return (_SOMEBODY.search(question) or _NAME.search(question)) is not None


def about_person(question: str) -> bool:
    """Whether a question is about a person, whatever it asks of them."""
    return (_OF_PERSON.search(question) or _IS_THIS.match(question)) is not None
