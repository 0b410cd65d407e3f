"""Any model behind an OpenAI-compatible chat endpoint: vLLM, Ollama, a cloud service.

One request an item: the picture as a PNG (lossless, see `client.SIDE`), then the question, in one user message. The
answer is the reply's text as it came; log-probabilities are not asked for, since few servers give them.
"""

from collections.abc import Sequence

from pydantic import ValidationError

from feallm.bench.client import SIDE, Client, Conversation, png_url
from feallm.bench.items import KINDS, Request, Response
from feallm.bench.responders.responder import Options, ResponderError, ResponderInfo
from feallm.data.endpoint_recipe import EndpointRecipe
from feallm.data.replies import Reply
from feallm.data.tally import RequestFailed


def open_endpoint(what: str, options: Options) -> "EndpointResponder":
    """The model `what` (as the server calls it) at `options.base_url`.

    Raises:
        ResponderError: no name, no address or one that cannot be, or no key in the variable `options.api_key_env`.
    """
    if not what:
        raise ResponderError("which model? Name it as the server does: endpoint:MODEL")
    try:
        recipe = EndpointRecipe.model_validate(
            {
                "model": what,
                "base_url": options.base_url,
                "api_key_env": options.api_key_env,
                "concurrency": options.concurrency,
                "timeout": options.timeout,
                "retries": options.retries,
                "max_tokens": options.max_new_tokens,
                "max_tokens_name": options.max_tokens_name,
                "temperature": options.temperature,
                "seed": options.seed if options.temperature else None,  # not every server takes one
            }
        )
    except ValidationError as error:
        reasons = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ResponderError(f"the endpoint of {what!r} cannot be used: {reasons}") from error
    return EndpointResponder(Client(recipe, options.max_requests, options.max_tokens_total), options)


class EndpointResponder:
    """Answers requests by a `Client`, which the caller may `close`."""

    def __init__(self, client: Client, options: Options) -> None:
        self.client = client
        recipe = client.recipe
        sampled = {} if recipe.seed is None else {"seed": recipe.seed}
        self.info = ResponderInfo(
            name="endpoint",
            model=recipe.model,
            revision="",
            kinds=frozenset(KINDS),
            decoding={
                "how": "generation",
                "temperature": "the server's" if recipe.temperature is None else recipe.temperature,
                "max_new_tokens": recipe.max_tokens,
                **sampled,
            },
            image_size=f"native, at most {SIDE} a side; what the server makes of it is not known",
            trained_on=options.trained_on,
            note="the model is whatever the server calls by this name: it may change without notice",
            independent=True,
        )

    def respond(self, requests: Sequence[Request]) -> list[Response]:
        """See `Responder`. An empty reply is an answer with an empty text.

        Raises:
            ResponderError: see `Client.ask`.
        """
        return [_response(found) for found in self.client.ask([_conversation(request) for request in requests])]


def _conversation(request: Request) -> Conversation:
    return [{"role": "user", "content": request.question}], png_url(request.picture)


def _response(found: Reply | RequestFailed) -> Response:
    if isinstance(found, RequestFailed):
        return Response(status="failed", error=found.told)
    hint = f"an empty reply ({found.finish})" if not found.text.strip() else None
    return Response(how="generation", text=found.text, error=hint)
