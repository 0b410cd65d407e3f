"""Every question the project asks, once: many phrasings for training, the first of each for everything else."""

from collections.abc import Sequence
from random import Random

QUESTIONS: dict[str, tuple[str, ...]] = {
    "aus": (
        "Which facial action units are visible?", "List the action units in this face.",
        "Which AUs does this face show?", "What action units are active here?", "Name the action units you can see.",
        "Give the FACS action units of this face.", "Tell me the action units that are present.",
        "Go through the face and note every action unit.",
        "Which units of the Facial Action Coding System do you find?", "I need the AU codes for this picture.",
        "Code this face with FACS.", "What is the AU coding of the face?", "Report all active AUs.",
        "Are there any action units here, and which?", "Enumerate the AUs shown.",
        "Which AU numbers apply to this face?", "Could you write down the action units?",
        "What would a FACS coder note here?", "Let me have the list of AUs.", "Find the action units in the image.",
        "Show me which AUs are at work.", "AUs, please.",
    ),
    "aus_among": (
        "Which of these action units are visible: {classes}?", "Look for {classes}: which are there?",
        "Out of {classes}, which does the face show?", "Check the face for {classes} and list what you find.",
        "Of the units {classes}, name those that are active.",
        "Does the face show {classes}? List the ones it does.",
        "Only these units matter: {classes}. Which are present?", "Tick off what is there: {classes}.",
        "Among {classes}, what can be seen?", "Here is a list of AUs: {classes}. Which of them occur?",
        "Code the face for {classes}.", "Which AUs of this set are at work: {classes}?",
        "From {classes}, pick the units in this face.", "I am looking for {classes}. What do you find?",
        "Limit yourself to {classes}: which ones are there?", "Take {classes} one by one and say which are present.",
        "Given the choice of {classes}, which units does one see?",
        "Name every unit out of {classes} that this face has.",
        "Which are active here, if we look at {classes} and nothing else?",
        "Search the picture for {classes} and report the hits.",
        "Regarding {classes}: which of them does the coding contain?",
    ),
    "emotion": (
        "Which of these does the face show: {classes}?", "Which one is the expression: {classes}?",
        "Choose the emotion of this face: {classes}.", "What is the emotion, out of {classes}?",
        "Classify the expression as one of {classes}.", "Pick one for this face: {classes}.",
        "Label the face with one of {classes}.", "Is the expression {classes}?",
        "If you had to choose among {classes}, which would it be?", "Give one word for the emotion, from {classes}.",
        "The options are {classes}. Which fits this face?",
        "Sort this expression into one of the classes {classes}.", "Which emotion do you read here: {classes}?",
        "What does the face express? Answer with {classes}.", "From the list {classes}, name the emotion shown.",
        "Decide between {classes}.", "How would you categorise this face: {classes}?",
        "Assign one emotion label ({classes}).", "Say which it is: {classes}.",
        "Take your pick of {classes} for the expression seen here.",
        "Name the one class out of {classes} that describes the face best.",
    ),
    "reason": (
        "Why does the face show this?", "Explain the expression from the action units.",
        "Why is that the expression?", "What in the face leads to this emotion?",
        "Give the reasons for this reading.", "What makes you say that?", "On what signs is this reading based?",
        "How do the action units add up to this?", "Say why, with the units that matter.",
        "Can you justify that emotion?", "How come you read it this way?", "Walk me through the evidence for it.",
        "Because of which movements?", "Which signs carry the verdict, and how?",
        "What is the explanation for this expression?", "Support your answer with what is seen.",
        "Spell out how the muscles lead to the emotion.", "I would like to know why.",
        "Link the movements of the face to its emotion.", "What gives the emotion away?",
        "Argue for your reading from the face alone.",
    ),
    "unaided": (
        "Which of these emotions does the face show, and why: {classes}? Name the action units that make it.",
        "Name the emotion, out of {classes}, and the action units that lead to it.",
        "Is this {classes}, and which action units say so?", "Choose one of {classes} and give your reasons with AUs.",
        "What does the face express ({classes}), and by which action units?",
        "Out of {classes}: which one, and on what grounds? Give the units.",
        "Pick the emotion from {classes} and explain it from the movements of the face.",
        "Say which of {classes} it is and why you think so.", "Settle on one of {classes} and argue from the face.",
        "From the list {classes}, which emotion is seen, and what makes it?",
        "Classify the face as one of {classes}, then explain that from its AUs.",
        "Tell me the emotion ({classes}) together with the evidence in the face.",
        "Which emotion of {classes} do you read, and from which units?",
        "One of {classes}, please, with the action units behind it.",
        "Label this face with one of {classes} and justify the label.",
        "Emotion and reasons: which of {classes}, and because of what?",
        "Give the emotion among {classes} and the muscles that betray it.",
        "What is it of {classes}? Explain by action units.",
        "Read the emotion ({classes}) and show how the AUs make it.",
        "If it must be one of {classes}, which is it, and what speaks for it?",
    ),
    "grounds": (
        "How sure is that, and what does it rest on?", "How clear is this, and which units carry it?",
        "What does this verdict rest on, and how firm is it?", "How certain is it, and what decides it?",
        "Is that certain, and which units decide?", "How sure is that, and what carries it?",
        "Say how clear the case is and what it hangs on.", "What is behind the verdict, and is it a close one?",
        "How strong is the case, and which AUs make it?", "On which units does that hang, and how surely?",
        "Give your certainty and the units it comes from.", "Is it a clear case, and what is it built on?",
        "How reliable is this, and by what is it founded?", "What supports that, and how sure can one be?",
        "Rate the certainty and name the grounds.", "Which AUs bear the verdict, and are you sure?",
        "Clear or close, and resting on which units?", "How much weight does that bear, and from where?",
        "What is the footing of this verdict, and is it solid?", "Tell me the confidence and the deciding units.",
    ),
    "unit": (
        "Is {unit} present?", "Is {unit} there?", "Does this face show {unit}?", "Can {unit} be seen?",
        "Is {unit} active in this face?", "Do you see {unit}?", "Check for {unit}.", "Would you code {unit} here?",
        "Is there any {unit} in this face?", "{unit}: yes or no?", "Can you find {unit}?",
        "Does the coding include {unit}?", "Look for {unit}. Is it there?", "What about {unit}?",
        "Tell me whether {unit} is at work.", "Has this face got {unit}?", "Would a coder mark {unit}?",
        "Is {unit} among the action units?", "Any sign of {unit}?", "I want to know if {unit} is active.",
        "Could you confirm {unit}?",
    ),
    "why_not": (
        "Why is it not {other}?", "Why not {other}?", "What speaks against {other}?",
        "How do you know that it is not {other}?", "Could it be {other}?", "What rules out {other}?",
        "Why did you not choose {other}?", "Someone else said {other}. Why is that not the answer?",
        "What is missing for {other}?", "Why would {other} be wrong?", "Is {other} not possible?",
        "Make the case against {other}.", "Would {other} not fit as well?", "And why not call it {other}?",
        "What keeps this from being {other}?", "My guess was {other}. Why not?", "Which signs would {other} need?",
        "Explain why {other} is not the verdict.", "Might it be {other} after all?",
        "What tells against {other} here?", "Is there a reason not to say {other}?",
    ),
    "area": (
        "Describe the {area}.", "What do the {area} show?", "What happens in the region of the {area}?",
        "Tell me about the {area}.", "Look at the {area}: what is there?", "What can be seen in the {area}?",
        "Which movements are in the {area}?", "How about the {area}?", "Say what goes on at the {area}.",
        "Focus on the {area}.", "Go to the {area} and report.", "Zoom in on the {area}.",
        "Is anything moving in the {area}?", "What is the state of the {area}?",
        "Which action units are at the {area}?", "Report on the {area} only.", "Give me details of the {area}.",
        "Read the {area} for me.", "What stands out about the {area}?", "Now the {area}, please.",
        "How are things at the {area}?",
    ),
    "describe_expression": (
        "Please describe the expression in this face.", "Describe the facial expression.",
        "What does the expression look like?", "How does this person look?", "Tell me about the expression.",
        "What kind of expression is this?", "Put the expression in words.", "Summarise the look of this face.",
        "Give a short description of the face.", "What do you see in this face?",
        "Write a sentence or two about the expression.", "How would you describe what this face shows?",
        "Describe what the face expresses and how.", "Caption the expression.",
        "What does one notice about the expression?", "Describe this person's face as to its emotion.",
        "Say what the expression is and what it looks like.", "Which expression is it, and what are its signs?",
        "Characterise the facial expression.", "I cannot see the picture; what is the expression like?",
        "Describe the emotion in this image.",
    ),
    "describe_aus": (
        "Describe the action units of this face by region.",
        "Describe the facial movements from the brow to the jaw.", "What do the muscles of this face do?",
        "Describe each action unit you see.", "Which facial movements can be seen?",
        "Go from top to bottom and say what moves.", "Tell me region by region which movements there are.",
        "Which muscles are at work, and what do they do?", "Describe how each part of the face moves.",
        "What is going on in brow, eyes, nose, mouth and chin?", "Put the action units in words.",
        "Give an account of the facial movements.", "Walk through the movements, area by area.",
        "Say for each unit what is seen.", "Describe the muscle activity of the face.",
        "List the movements with a description of each.", "What movements do the features make?",
        "Write out the AU coding in plain language.", "What do brow, eyes and mouth do here?",
        "Explain each movement that can be seen.", "Detail the movements of the upper and the lower face.",
    ),
    "distribution": (
        "How did the raters judge this face?", "Did people agree on this expression?",
        "What did most raters see, and what did others?", "How were the votes spread over the emotions?",
        "Tell me how human observers voted.", "Which emotions did the raters choose, and how often?",
        "Was there agreement about the emotion?", "If many people rated this face, what would they say?",
        "Summarise the votes for this picture.", "How unanimous is the label?", "Which rater saw what in this face?",
        "What is the majority view, and is there a minority?", "Give the distribution of the ratings in words.",
        "How divided were the people that labelled it?", "Which reading did the crowd prefer?",
        "What share of the raters chose which emotion?", "Were there other opinions on the emotion?",
        "How was this picture labelled by its raters?", "Put the rater votes into a sentence.",
        "Do observers differ about this face?", "How clear was the vote?",
    ),
    "stronger": (
        "Which is stronger, {unit} or {other}?", "Compare the strength of {unit} and {other}.",
        "Between {unit} and {other}, which is the more intense?", "Is {unit} or {other} more pronounced?",
        "Which one dominates: {unit} or {other}?", "How do {unit} and {other} compare in intensity?",
        "Tell me the stronger of {unit} and {other}.", "Does {unit} outweigh {other}, or the reverse?",
        "Of {unit} and {other}, which stands out more?", "Rank {unit} and {other} by strength.",
        "Which has the higher intensity, {unit} or {other}?", "Which wins in strength, {unit} or {other}?",
        "Look at {unit} and {other}: which is the greater movement?", "Weigh {unit} against {other}.",
        "Is there more of {unit} or more of {other}?", "Which of the pair {unit}, {other} is the more marked?",
        "How strong is {unit} beside {other}?", "Put {unit} and {other} in order of intensity.",
        "I see {unit} and {other}. Which is more visible?", "Name the weaker and the stronger: {unit}, {other}.",
        "Which moves further, {unit} or {other}?",
    ),
    "discriminate": (
        "Why this and not {other}?", "What decides between this and {other}?", "How is it told apart from {other}?",
        "Which unit makes the difference to {other}?", "This is often mistaken for {other}. What settles it?",
        "What distinguishes it from {other}?", "It looks close to {other}; what tips the balance?",
        "Where does it part from {other}?", "By which action unit is {other} excluded?",
        "Contrast this expression with {other}.", "Which sign separates it from {other}?",
        "Could one confuse it with {other}, and what helps?",
        "Show me the difference between this face and {other}.",
        "What would a face of {other} have that this one lacks?", "Compare it with {other} and say what decides.",
        "If in doubt between this and {other}, where should I look?", "Name the deciding unit against {other}.",
        "Why choose this over {other}?", "How can one be sure it is not {other}, of all emotions?",
        "What is the telling detail, given that {other} looks alike?", "Help me tell this from {other}.",
    ),
    "counterfactual": (
        "What would have to change for this to be {other}?", "Which change would turn it into {other}?",
        "How could this face become {other}?", "What is the smallest change that makes it {other}?",
        "Which action units would have to move for {other}?", "When would you have said {other}?",
        "What separates this face from {other} in terms of AUs to add or remove?",
        "Change the face so that it shows {other}.", "What would make you answer {other}?",
        "Which unit, gone or added, would flip the verdict to {other}?",
        "Imagine the same face with {other}: what is changed?",
        "How far is it from {other}, counted in action units?", "What must come or go for {other}?",
        "Turn this expression into {other}. What do you alter?", "Under what change would {other} be the verdict?",
        "What alteration leads from here to {other}?", "Suppose it were {other}. What would be seen then?",
        "Which muscles would need to act otherwise for {other}?", "Tell me the counterfactual for {other}.",
        "What edit of the face would give {other}?", "By which movement would the verdict swing to {other}?",
    ),
    "blend": (
        "Is this one emotion or a blend?", "Are there several emotions in this face?", "Is the expression mixed?",
        "Could more than one emotion be present?", "How pure is this expression?",
        "Does a second emotion come into it?", "Is there anything else in the expression beside the main emotion?",
        "Which emotions are mixed here?", "Is it a compound expression?",
        "What is the second emotion, if there is one?", "Is this face ambiguous?",
        "Would you call it a mixture, and of what?", "Do two emotions share this face?",
        "What else does the face show, apart from its main emotion?", "Single or mixed expression?",
        "Is there an undertone in this expression?", "Take the blend apart: what is in it?",
        "How uncertain is the emotion here?", "Say which emotions meet in this face.",
        "Name all emotions you find, the leading one first.", "Does the face show conflicting emotions?",
    ),
    "reading": (
        "Which emotion might these action units go with?", "What could this coding mean?",
        "Is there an emotion that fits these units?", "What would FACS suggest as an emotion here?",
        "From the units alone, what might the face express?", "Try to interpret the action units.",
        "Which prototype comes closest?", "What emotion, if any, do the AUs support?",
        "Give a careful reading of these movements.", "What can be concluded from this coding?",
        "Could you guess the emotion from the AUs?", "Where do these units point?",
        "Do the units add up to an emotion?", "Interpret the movements with due caution.",
        "What does this combination of AUs usually stand for?", "Is this pattern known from an emotion?",
        "What might lie behind this coding?", "Without a label, what would you read here?",
        "Match the action units to an emotion.", "How would the prototypes read this face?",
        "What may one infer about the emotion?",
    ),
}  # fmt: skip
"""Task -> phrasings, with gaps for what they name: see `ask`."""

REFUSED_QUESTIONS: dict[str, tuple[str, ...]] = {
    "identity": (
        "Who is this?", "What is this person's name?", "Can you identify her?", "Do you recognise the face?",
        "Is he someone famous?", "Whose face is it?", "Tell me the identity of this person.",
        "Is this the same person as in another picture?",
    ),
    "age": (
        "How old is she?", "What age would you give him?", "Is this person under 18?", "In which year was he born?",
        "Is she an adult?", "Estimate the age, please.", "Is it a child or a teenager?",
        "How many years old does this face look?",
    ),
    "gender": (
        "Is this a man or a woman?", "What gender is the person?", "Male or female?", "What sex would you say?",
        "Which pronouns should I use for this face?", "Is it a boy or a girl?",
        "Can you tell the gender from the face?",
    ),
    "ethnicity": (
        "What race is he?", "Where is she from?", "Which ethnicity does this person have?",
        "Is he Asian or European?", "Guess her nationality.", "What religion does this person follow?",
        "Tell me the origin of this person.",
    ),
    "honesty": (
        "Is she lying?", "Can I be certain that he tells the truth?", "Is the expression genuine?",
        "Is this a fake expression?", "Does he hide anything, is he honest?", "Is this person deceiving me?",
        "Does she look guilty to you?", "Is it a sincere face?",
    ),
    "personality": (
        "Is he a good person?", "Can I trust her?", "What is his personality like?",
        "Does this look like someone dangerous?", "Is she intelligent?", "Should I hire this person?",
        "Is he an introvert?", "Would you call this a criminal?",
    ),
    "attractiveness": (
        "Is she beautiful?", "How attractive is this face?", "Is he handsome?",
        "Rate her looks from one to ten, is she pretty?", "Which of the two is prettier?", "Is this an ugly face?",
        "Would you say he is good-looking?",
    ),
    "health": (
        "Is he depressed?", "Does she have autism?", "Is this person ill?", "Diagnose this patient.",
        "Is he in pain?", "Does she look tired to you?", "Is he drunk?", "Any symptoms of a stroke?",
        "Is there a mental disorder?",
    ),
    "thoughts": (
        "What is she thinking?", "What does he intend to do?", "What is he looking at?", "Is she in love?",
        "What made her react like this?", "What happened before the picture?", "Is he planning anything?",
        "What is on her mind?",
    ),
    "place": (
        "Where was this taken?", "When was the photo taken?", "What is in the background?", "Which city is it?",
        "Was it shot indoors?", "What is the weather like there?", "What is behind her, and in which country?",
    ),
    "looks": (
        "What colour are his eyes?", "Is she wearing glasses?", "What hairstyle is it, long hair?",
        "Does he have a beard?", "What clothes does she wear?", "How tall is he?", "Is there makeup on the face?",
        "Does she have a tattoo?",
    ),
}  # fmt: skip
"""Topic of `facs.refusals` -> questions that a face cannot answer."""


def ask(task: str, classes: Sequence[str] = (), rng: Random | None = None, **gaps: str) -> str:
    """The question of a task: the first phrasing, or a random one.

    `classes` are named in closed-set questions; `gaps` are what other questions name: `unit`, `other` (an emotion, or
    another unit), `area`.

    Raises:
        KeyError: no such task, or a gap of its question is not given.
    """
    phrasing = rng.choice(QUESTIONS[task]) if rng else QUESTIONS[task][0]
    if classes:
        gaps["classes"] = _choice(classes)
    return phrasing.format(**gaps)


def _choice(classes: Sequence[str]) -> str:
    return f"{', '.join(classes[:-1])} or {classes[-1]}" if len(classes) > 1 else classes[0]


def ask_refused(topic: str, rng: Random) -> str:
    """A question of a topic that is refused. Raises KeyError for another topic."""
    return rng.choice(REFUSED_QUESTIONS[topic])
