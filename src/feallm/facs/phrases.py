"""The sentences that answers are composed from. `facs.wording` fills them; every one reads back as what it was given.

Gaps: {noun} the emotion, {Noun} the same at the start of a sentence, {units} numbers such as "AU6 and AU12", {a} and
{b} clauses, {other} a second emotion.
"""

ADVERBS: dict[str, tuple[str, ...]] = {
    "slight": ("slightly", "a little", "faintly"),
    "clear": ("", "", "clearly", "visibly", "plainly"),
    "strong": ("strongly", "markedly", "distinctly"),
}
OPENINGS = (
    "The face shows {noun}.",
    "The expression is {noun}.",
    "This face expresses {noun}.",
    "The expression reads as {noun}.",
    "What the face shows is {noun}.",
    "This is an expression of {noun}.",
    "{Noun} is what this face shows.",
    "The verdict is {noun}.",
    "This face displays {noun}.",
    "{Noun} is the expression here.",
)
WEAK_OPENINGS = (
    "The face probably shows {noun}.",
    "Most likely the expression is {noun}, but it is a close call.",
    "The verdict is {noun}, and it is a close one.",
    "The expression leans toward {noun} without being clear.",
    "{Noun} comes first here, by a small margin.",
    "{Noun} fits best, but it is a close call.",
    "The face shows {noun}, though the reading is uncertain.",
    "The evidence is mixed, and {noun} fits it best.",
)
WEAK_NEUTRAL_OPENINGS = (
    "The face is probably neutral.",
    "The face is most likely neutral, but it is a close call.",
    "The verdict is neutral, and it is a close one.",
    "Neutral comes first here, by a small margin.",
    "Neutral fits best, but it is a close call.",
    "The evidence is mixed, and neutral fits it best.",
)
NEUTRAL_OPENINGS = (
    "The face is neutral.",
    "The expression is neutral.",
    "This is a neutral face.",
    "The expression reads as neutral.",
    "The verdict is neutral.",
    "Neutral is what this face shows.",
    "The face looks neutral.",
    "This face reads as neutral.",
)
AT_REST = (
    "Its parts are relaxed, and a face at rest is what neutral means.",
    "Brow, eyes and mouth stay at rest, which is why the verdict is neutral.",
    "Every region of the face is at rest, so the verdict is neutral.",
    "Nothing in the face moves away from rest, which makes it neutral.",
    "From brow to jaw the muscles rest, and that is why it is neutral.",
    "The face is still from the forehead to the chin, so it counts as neutral.",
    "The face keeps still throughout, hence neutral.",
    "The features keep their resting places, which is what makes the face neutral.",
    "Upper and lower face are both at rest, so neutral is the verdict.",
    "Since the whole face is relaxed, it is neutral.",
    "The face holds still, and stillness is the sign of a neutral face.",
    "What would carry an emotion stays at rest, so the face is neutral.",
)
STILL_REMARKS = (
    "The mouth rests in its usual line.",
    "The forehead, the eyes and the mouth are relaxed.",
    "Around the eyes all is relaxed.",
    "The lower half of the face is relaxed.",
    "The upper half of the face is relaxed.",
    "The jaw and the mouth are relaxed.",
    "Around the mouth all is relaxed.",
    "Nothing stirs around the brows.",
    "The face looks quiet.",
    "The features are calm.",
    "The cheeks are relaxed.",
    "The eyes and the brows are relaxed.",
)
PAIRS = (
    "{a}, and {b}.",
    "{a}, while {b}.",
    "{a}; {b}.",
    "{a}, and at the same time {b}.",
    "{a}; in addition, {b}.",
    "{a}; besides, {b}.",
)
SINGLES = (
    "{a}.",
    "Here, {a}.",
    "One sees that {a}.",
    "It can be seen that {a}.",
    "In this face, {a}.",
)
LINKS_MANY = (
    "Together {units} make the expression {noun}.",
    "The combination of {units} is what makes this {noun}.",
    "It is {noun} because {units} occur together.",
    "Because {units} come together, the expression reads as {noun}.",
    "{units} are what the verdict of {noun} rests on.",
    "The verdict of {noun} rests on {units}.",
    "It reads as {noun} because of {units}.",
    "{units} support the verdict of {noun}.",
    "With {units} present, the verdict is {noun}.",
    "The verdict of {noun} is based on {units}.",
)
LINKS_ONE = (
    "It is {noun} because of {units}.",
    "{units} is what makes the expression {noun}.",
    "Because of {units}, the expression reads as {noun}.",
    "{units} supports the verdict of {noun}.",
    "The verdict of {noun} rests on {units}.",
    "The verdict of {noun} is based on {units}.",
    "With {units} present, the verdict is {noun}.",
)
LINKS_TO_NEUTRAL = (
    "In this face, {units} {make} the verdict of neutral more likely.",
    "The verdict of neutral rests on {units} as well.",
)
LINKS_NEUTRAL = (
    "This does not add up to another emotion, so the verdict is {noun}.",
    "By itself this carries no emotion, and the verdict is {noun}.",
    "This does not point to one emotion, so the verdict is {noun}.",
    "The face as a whole stays {noun}.",
)
LINKS_NEUTRAL_SLIGHT = (
    "This is too little to leave {noun}.",
    "So little leaves the verdict at {noun}.",
)
LINKS_NEUTRAL_ONE = (
    "The rest of the face is still, so the verdict stays {noun}.",
    "Alone this does not carry an emotion, so the verdict is {noun}.",
)
WHOLE_FACE = (
    "The verdict rests on the whole face more than on any one sign.",
    "It is the look of the whole face that leads to this verdict.",
)
NO_ONE_SIGN = (
    "The verdict comes from the face as a whole, and no single sign carries it.",
    "The whole face leads to this verdict, and each sign adds little.",
    "No one sign decides it, and the verdict rests on the face as a whole.",
)
WITHOUT_CARRIER = (*WHOLE_FACE, *NO_ONE_SIGN)
BESIDE_PLAIN = (
    "Beside this, {a_low}.",
    "In addition, {a_low}.",
    "Apart from that, {a_low}.",
)
BESIDE = (
    *BESIDE_PLAIN,
    "{a}, which adds little to the verdict.",
    "{a} as well, though this adds little.",
    "{a} too, without deciding the verdict.",
    "{a}, but this adds little to the verdict.",
)
FEW_EXAMPLES = "{units} had few training examples, so rely less on that."
SECONDS = (
    "It might also be {other}.",
    "Possibly there is some {other} in it.",
    "It could be a blend, possibly with {other}.",
    "A share of {other} is possible as well.",
    "Perhaps there is {other} in it too.",
    "There may be some {other} in it as well.",
    "It is hard to rule out {other}.",
    "The face may be a blend, perhaps with {other}.",
)
SECONDS_NEUTRAL = (
    "It might also be neutral.",
    "Possibly the face is neutral.",
    "It could be a neutral face as well.",
    "It could also be neutral.",
)
NO_CAUSE = (
    r"adds? (?:\w+ )*little|without deciding|carries no emotion|too little|so little|not add up|not point to|"
    r"as a whole stays"
)
"""Told of a unit in one sentence with the verdict, these make it no cause of it."""
ADDS_LITTLE = r"adds? (?:\w+ )*little|without deciding"
"""Told of units, these say that they carry no verdict."""
TOO_LITTLE = r"\b(?:too|so) little\b"
"""Words for slight movements alone."""
POINTS_BACK = (
    r"\bthis (?:does not|is too little|carries|adds)|\b(?:by itself|alone|beside) this|\bso little\b|"
    r"\bapart from that\b|\bin addition\b|\brest of the face\b"
)
"""Words that say nothing where no sign was told before them."""
UNSURE = r"\bprobably\b|\bmost likely\b|\bleans? toward|\bclose (?:call|one)\b|\bsmall margin\b|\buncertain\b|\bmixed\b"
"""Every opening of a weak verdict has one of these, and no other sentence."""
STILL = r"\brest of the face\b|\balone this\b"
"""Words that no other movement may follow."""
