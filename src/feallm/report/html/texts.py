"""What every report says whatever it shows; `docs/limits.md` has it at length."""

LIMITS: tuple[tuple[str, str], ...] = (
    (
        "A face shows an expression, not what a person feels.",
        "The same expression goes with different feelings in different people and situations (Barrett et al. 2019). "
        "Nothing here detects lies, intentions, health or character, and nobody is identified.",
    ),
    (
        "These are a model's readings and can be wrong.",
        "A confidence says how often such readings are right on data like those the model was calibrated on. Expect "
        "worse on children, old people, faces partly covered or turned away, and subtle expressions.",
    ),
    (
        "Action units are model-coded.",
        "No certified FACS coder took part. Units with a star had few examples. That a unit is absent says nothing "
        "where its place is hidden.",
    ),
    (
        "Reasons and effects are the model's.",
        "What a verdict loses without an action unit says what this model's verdict rests on, not what a person would "
        "feel or what the same face would look like without that movement.",
    ),
    (
        "Not for decisions about anybody.",
        "Inferring emotions at work and in education is prohibited in the European Union but for medical or safety "
        "reasons (Regulation 2024/1689, Article 5(1)(f)). Pictures of faces are personal data: have a lawful basis and "
        "the people's consent before you pass this file on.",
    ),
)
BLURRED = (
    "Every face that was read, or that a second and less certain search found, is blurred beyond recovery in the "
    "pictures of this file; pictures without any such face are left out. A face that no search finds stays visible, "
    "and clothes, places, file names and the readings themselves can still tell who somebody is: look before you share."
)
NO_TIMELINE = "The timeline is drawn by matplotlib, which is not installed: pip install 'feallm[report]'."
NO_REGIONS = (
    "Claims lead to the numbers of their action unit. Where on the face each unit is seen was not measured, or is not "
    "in this table: `feallm report` of the picture, or `feallm analyze … --evidence -o readings.jsonl`, measures it."
)
