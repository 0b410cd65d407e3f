"""What every report says whatever its numbers are."""

from collections.abc import Sequence

from feallm.bench.report.leaderboard import Section

TITLE = "FEABench report"
LIMITS: tuple[tuple[str, str], ...] = (
    (
        "A score is about agreement with labels, not about feelings.",
        "The labels say what raters or coders saw in a picture. What a person felt is in none of these data sets, and "
        "the same expression goes with different feelings (Barrett et al. 2019).",
    ),
    (
        "A score holds for its data.",
        "Pictures of actors, web searches and laboratories are not the faces of another use. No group of people is "
        "scored apart, because the sets carry no such labels: equal error rates must not be inferred.",
    ),
    (
        "The labels are noisy.",
        "Raters disagree, and some sets repeat pictures. Differences of a point or two between models may be "
        "differences in the mistakes of the labels.",
    ),
    (
        "Intervals are about the sample.",
        "They are percentile bootstrap intervals over items, or over people where the set names them. They do not "
        "cover other prompts, seeds, crops or label sets. Overlap is no test: `feallm bench compare` pairs two runs.",
    ),
    (
        "Contamination is what is declared.",
        "Unknown means that nobody said what a model was trained on. A set that has been on the web for years may be "
        "in any large model's training data.",
    ),
    (
        "One question, one reader.",
        "Every model is asked in the same words and read by the same reader. Another wording may suit a model better.",
    ),
    (
        "Model-coded action units are no FACS coding.",
        "Where a task says that its units are model-coded, no certified coder took part.",
    ),
    (
        "No number here permits a use.",
        "Decisions about people (hiring, policing, credit, grading, diagnosis) are not what this was made for, and "
        "inferring emotions at work and in education is prohibited in the European Union (Regulation 2024/1689, "
        "Article 5(1)(f)).",
    ),
)


def introduction(parts: Sequence[Section]) -> str:
    """One sentence: how many tasks, runs, models."""
    runs = [run for part in parts for run in part.runs]
    versions = ", ".join(sorted({run.made.version for run in runs if run.made.version}))
    models = len({run.made.responder.name + run.made.responder.model for run in runs})
    text = f"{_many(len(parts), 'task')}, {_many(models, 'model')}, {_many(len(runs), 'run')}"
    return f"{text}, made with FEALLM {versions}." if versions else f"{text}."


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
