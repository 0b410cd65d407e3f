"""The models that the benchmark can ask. `RESPONDERS[name]` opens one; what it needs is imported when it is opened."""

from collections.abc import Callable
from difflib import get_close_matches

from feallm.bench.responders.responder import Options, Responder, ResponderError, ResponderInfo

__all__ = ["RESPONDERS", "Options", "Responder", "ResponderError", "ResponderInfo", "open_responder"]

Open = Callable[[str, Options], Responder]


def _head(what: str, options: Options) -> Responder:
    from feallm.bench.responders.feallm import open_feallm

    return open_feallm("head", what, options)


def _free(what: str, options: Options) -> Responder:
    from feallm.bench.responders.feallm import open_feallm

    return open_feallm("free", what, options)


def _evidence(what: str, options: Options) -> Responder:
    from feallm.bench.responders.feallm import open_feallm

    return open_feallm("evidence", what, options)


def _majority(what: str, options: Options) -> Responder:
    from feallm.bench.responders.baselines import open_majority

    return open_majority(what, options)


def _prior(what: str, options: Options) -> Responder:
    from feallm.bench.responders.baselines import open_prior

    return open_prior(what, options)


def _prototypes(what: str, options: Options) -> Responder:
    from feallm.bench.responders.prototypes import open_prototypes

    return open_prototypes(what, options)


def _canned(what: str, options: Options) -> Responder:
    from feallm.bench.responders.canned import open_canned

    return open_canned(what, options)


def _table(what: str, options: Options) -> Responder:
    from feallm.bench.responders.table import open_table

    return open_table(what, options)


def _deepface(what: str, options: Options) -> Responder:
    from feallm.bench.responders.tools import open_deepface

    return open_deepface(what, options)


def _pyfeat(what: str, options: Options) -> Responder:
    from feallm.bench.responders.tools import open_pyfeat

    return open_pyfeat(what, options)


def _huggingface(what: str, options: Options) -> Responder:
    from feallm.bench.responders.huggingface import open_huggingface

    return open_huggingface(what, options)


def _endpoint(what: str, options: Options) -> Responder:
    from feallm.bench.responders.endpoint import open_endpoint

    return open_endpoint(what, options)


RESPONDERS: dict[str, Open] = {
    "feallm": _head,
    "feallm-head": _head,
    "feallm-free": _free,
    "feallm-evidence": _evidence,
    "majority": _majority,
    "prior": _prior,
    "prototypes": _prototypes,
    "canned": _canned,
    "table": _table,
    "deepface": _deepface,
    "pyfeat": _pyfeat,
    "hf": _huggingface,
    "endpoint": _endpoint,
}
"""Name -> what opens it, given what stands behind the colon of "NAME:WHAT" ("" for nothing) and the options."""


def open_responder(spec: str, options: Options) -> Responder:
    """The model that "NAME" or "NAME:WHAT" names; WHAT (a path, a model id …) may hold colons itself.

    Raises ResponderError: an unknown name, or a model that cannot be used.
    """
    name, _, what = spec.partition(":")
    if name not in RESPONDERS:
        near = get_close_matches(name, RESPONDERS, n=1)
        hint = f", did you mean {near[0]!r}?" if near else ";"
        raise ResponderError(f"unknown model {name!r}{hint} the names are {', '.join(RESPONDERS)}")
    return RESPONDERS[name](what, options)
