"""Ordered pairs that show the same image first: the language model reads that image once for all of them in a batch.

What it makes of the first image, its keys and values in every layer, depends on nothing that comes behind. So a batch is read in
two passes: the images shown first, each once; then of every pair the second image and the questions, behind the keys and values
of its first. The logits are those of one pass for each pair, to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import DynamicCache

from .features import VisionFeatures
from .in_flight import onto
from .keys_and_values import Behind, cache_argument
from .last_layer import answers_alone
from .shared_prefix import Questionnaire, block_mask, lay_out, seen


def read_once(firsts: Sequence[str]) -> list[str]:
    """The images that are read, of those that the pairs of a batch show first: each once, if that halves them at least.

    Else all of them: a second pass costs more than the reading of some images twice.

    Parameters
    ----------
    firsts : sequence of str
        Of each pair, the hash of the image shown first.

    Returns
    -------
    list of str

    Examples
    --------
    >>> read_once(["a", "a", "b", "a"]), read_once(["a", "a", "b"])
    (['a', 'b'], ['a', 'a', 'b'])
    """
    once = list(dict.fromkeys(firsts))
    return once if 2 * len(once) <= len(firsts) else list(firsts)


def logits_behind_first_images(
    model, questionnaire: Questionnaire, pairs: Sequence[Sequence[VisionFeatures]]
) -> torch.Tensor:
    """As ``shared_prefix.answer_logits``, each image that is shown first read once; without gradient.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
    questionnaire : Questionnaire
        About two images.
    pairs : sequence of (VisionFeatures, VisionFeatures)

    Returns
    -------
    Tensor, shape (pairs, questions, vocabulary)
    """
    device = next(model.parameters()).device
    laid = lay_out(model, questionnaire, pairs, first_apart=True)
    places: dict[str, int] = {}  # of the first pair that shows it
    for place, (image, _) in enumerate(pairs):
        places.setdefault(image.sha256, place)
    rows, cut = torch.tensor(list(places.values())), laid.first
    number = {image: k for k, image in enumerate(places)}
    argument = cache_argument(model.model.forward)
    read = DynamicCache(config=model.config)
    any_position = onto(torch.tensor([cut - 1]), device)  # of the last layer keys and values are all that is read
    model.model(
        input_ids=onto(laid.ids[rows, :cut], device),
        position_ids=onto(laid.positions[:, rows, :cut], device),
        attention_mask=block_mask(onto(laid.real[rows, :cut], device), []),
        **seen([pairs[place][:1] for place in places.values()], device),
        **{argument: read},
        **answers_alone(model, any_position),
        use_cache=True,
    )
    which = onto(torch.tensor([number[image.sha256] for image, _ in pairs]), device)
    whole = block_mask(onto(laid.real, device), list(map(len, questionnaire.questions)))
    ends = onto(laid.ends - cut, device)
    return model(
        input_ids=onto(laid.ids[:, cut:], device),
        position_ids=onto(laid.positions[..., cut:], device),
        attention_mask=whole[:, :, cut:],
        **seen([pair[1:] for pair in pairs], device),
        **{argument: Behind(read, which, cut)},
        **answers_alone(model, ends),
        logits_to_keep=ends,
        use_cache=True,
    ).logits
