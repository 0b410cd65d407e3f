"""Models of random words whose numbers are set by hand: which units are there, and what each does to each emotion."""

import torch

from tests.model.conftest import tiny

ABSENT = -4.0
PRESENT = 3.0


def wire(model, present, base, pull=()):
    """Set a model's head: `present` units are there whatever the picture shows, `base[emotion]` are the logits without
    any unit, and `pull[emotion, unit]` is what the presence of a unit adds to them. Returns the model."""
    head = model.model.require_head()
    with torch.no_grad():
        for part in (head.au_weight, head.direct.weight, head.direct.bias, *head.direct_emotions.parameters()):
            part.zero_()
        for part in (*head.emotions.parameters(), *head.evidence.parameters()):
            part.zero_()
        head.au_bias[0] = torch.tensor([PRESENT if unit in present else ABSENT for unit in head.action_units])
        head.au_bias[1] = torch.tensor([0.5 if unit in present else ABSENT for unit in head.action_units])
        for name, classes in model.config.head_config.label_sets.items():
            layer = head.evidence[name]
            for emotion, logit in base.items():
                if emotion in classes:
                    layer.bias[list(classes).index(emotion)] = logit
            for (emotion, unit), weight in dict(pull).items():
                if emotion in classes:
                    layer.weight[list(classes).index(emotion), head.action_units.index(unit)] = weight
    return model


def smile():
    """A clear smile: AU12 alone carries happiness (without it neutral leads), AU4 would make it anger."""
    model, processor = tiny(head={"low_support": ["AU14", "AU24"]})
    pull = {("happiness", "AU12"): 3.0, ("happiness", "AU06"): 1.0, ("anger", "AU04"): 8.0}
    return wire(model, {"AU06", "AU12", "AU14", "AU25"}, {"neutral": 2.0}, pull), processor


def save(folder, model, processor):
    for part in (model, processor):
        part.save_pretrained(folder)
    return folder
