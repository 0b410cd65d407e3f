"""FER+ (Barsoum et al., ICMI 2016): ten raters' votes on FER2013's pictures, eight classes, scored on the leading one.

A picture counts where one of the eight emotions has more votes than any other answer. The authors' own code for
"majority" is stricter: it drops single votes and then asks for more than half of what is left. Papers use either.
"""

from feallm.bench import mini
from feallm.bench.tasks.asked import emotion_task
from feallm.bench.tasks.fer2013 import SHARES, private_test

_VOTES = (
    "The class is the emotion that leads the ten votes; ties, and pictures whose votes are led by 'unknown' or "
    "'no face', are left out."
)

FERPLUS = emotion_task(
    "ferplus",
    "FER+, eight emotions",
    "fer2013",
    "test",
    "ferplus",
    f"PrivateTest with FER+'s votes, eight classes. {_VOTES} Papers that ask for more than half of the votes, or that "
    "settle ties, score other pictures. Repeats of training pictures are kept, as in the literature.",
    faces=private_test,
    shares=SHARES,
)
MINI_FERPLUS = emotion_task(
    "mini_ferplus",
    "FEABench-mini: FER+, eight emotions",
    "fer2013",
    "val",
    "ferplus",
    f"PublicTest with FER+'s votes, eight classes, without the 393 pictures known to repeat a training picture. "
    f"{_VOTES} Not comparable to published numbers, which are of PrivateTest.",
    faces=mini.faces,
    shares=SHARES,
)
