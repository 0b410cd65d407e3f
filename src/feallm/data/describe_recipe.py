"""Recipes for describing: which model rewrites which answers, how fast, how often, and for how much."""

from pydantic import Field, field_validator, model_validator

from feallm.data.endpoint_recipe import EndpointRecipe

FREE_FAMILIES = ("expression", "movements", "reason", "why_not", "discriminate", "counterfactual", "blend")
"""Families that are rewritten if the recipe does not say otherwise."""
REWRITABLE = (*FREE_FAMILIES, "area", "reading")


class DescribeRecipe(EndpointRecipe):
    """A describing model and how it is asked.

    The model is that of an OpenAI-compatible endpoint (`base_url`, with `/v1` where the server has one) or, with
    `local`, a Hugging Face model run here. The key of an endpoint never stands in a recipe: `api_key_env` names the
    environment variable that holds it. `with_picture` sends each face's picture: the licences of many data sets
    forbid to give their pictures to third parties, so ask for it only where you may.
    """

    local: bool = False
    cache: str = Field(min_length=1, description="the JSONL file that replies are kept in; a stopped run goes on there")
    families: tuple[str, ...] = FREE_FAMILIES
    with_picture: bool = False
    picture_side: int = Field(512, ge=16, description="the longest side of a picture that is sent, in pixels")
    tries: int = Field(3, ge=1, description="replies asked for one answer before the composed one stays")
    max_characters: int = Field(900, ge=20, description="a longer answer is not used")
    budget_requests: int | None = Field(None, ge=0, description="requests of one run, retries included")
    budget_tokens: int | None = Field(None, ge=0, description="tokens of one run, asked and answered")
    price_in: float | None = Field(None, ge=0, description="price of a million tokens asked")
    price_out: float | None = Field(None, ge=0, description="price of a million tokens answered")

    @field_validator("families")
    @classmethod
    def _families(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in REWRITABLE:
                raise ValueError(
                    f"answers of the family {name!r} are not rewritten: choose from {', '.join(REWRITABLE)}"
                )
        return value

    @model_validator(mode="after")
    def _one_model(self) -> "DescribeRecipe":
        if self.local == (self.base_url is not None):
            raise ValueError("give either base_url, for an endpoint, or local: true, for a model run here")
        return self
