"""Named ways to distil a scorer: the one that is recommended, and the paper's family of objectives.

A recipe is a set of trainer settings. They follow from the number of images and from the model's size; whatever is given by
name goes before them. docs/what-to-use.md says when to use which, docs/test-bed.md how the recommended one was chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from ..foundation.faults import Fault, InputFault
from .estimator import Estimator
from .tiny_judge import SMALL


class Recipe(StrEnum):
    """What a training is made of."""

    recommended = "recommended"
    paper = "paper"


STRUCTURE: dict[Recipe, dict[str, Any]] = {
    Recipe.recommended: {"objective": "fidelity", "joint_fit": True, "label_spread": 1.8, "folds": 3},
    Recipe.paper: {"objective": "policy"},
}
# Chosen on the test bed, on models of the tiny judge's size: nothing is known of what suits larger ones but the trainers' defaults.
FEWEST_STEPS = {Recipe.recommended: 40, Recipe.paper: 20}
EPOCHS, IMAGES_A_STEP, LOOKS = 12, 32, 6
KL_WEIGHT, RATE = 0.005, 5e-4
RATE_OF_FEW_STEPS = 1e-3  # of the paper's recipe, where images are so few that it makes its fewest steps


def usual_recipe(estimator: Estimator) -> Recipe:
    """The recipe where nothing else is said."""
    return Recipe.paper if estimator is Estimator.sampled else Recipe.recommended


def recipe_settings(
    recipe: Recipe,
    *,
    images: int,
    parameters: int,
    estimator: Estimator = Estimator.exact,
    given: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """The trainer's settings of a recipe, and what was given by name in their place.

    Parameters
    ----------
    recipe : Recipe
    images : int
        That the training is on.
    parameters : int
        Of the model. For models below `SMALL` parameters, rate, KL weight and steps are those that were chosen on the
        test bed; above it they are left to the trainer's defaults.
    estimator : Estimator
        Of the sampled trainer, which has the paper's objective alone, a recipe sets nothing.
    given : mapping
        Settings by name.

    Returns
    -------
    dict
        Fields of the estimator's config.

    Raises
    ------
    InputFault
        If the recommended recipe is asked of the sampled trainer.

    Examples
    --------
    >>> recipe_settings(Recipe.paper, images=50, parameters=2_000_000)
    {'objective': 'policy', 'learning_rate': 0.001, 'beta': 0.005, 'max_steps': 20, 'eval_steps': 3, 'save_steps': 3}
    >>> recipe_settings(Recipe.recommended, images=50, parameters=8_000_000_000, given={"folds": 5})
    {'objective': 'fidelity', 'joint_fit': True, 'label_spread': 1.8, 'folds': 5}
    """
    if estimator is Estimator.sampled:
        if recipe is not Recipe.paper:
            what = f"the {recipe} recipe is the exact trainer's, and the sampled one was asked for"
            raise InputFault(Fault("config", "recipe", what, "leave out --estimator sampled, or set recipe: paper"))
        return dict(given)
    settings = dict(STRUCTURE[recipe])
    if parameters < SMALL:
        usual = max(FEWEST_STEPS[recipe], math.ceil(EPOCHS * images / IMAGES_A_STEP / 10) * 10)
        few = recipe is Recipe.paper and usual == FEWEST_STEPS[recipe]
        look_every = max(1, given.get("max_steps", usual) // LOOKS)
        settings |= {"learning_rate": RATE_OF_FEW_STEPS if few else RATE, "beta": KL_WEIGHT}
        settings |= {"max_steps": usual, "eval_steps": look_every, "save_steps": look_every}
    return settings | dict(given)


def recipe_sentence(recipe: Recipe, settings: Mapping[str, Any], parameters: int) -> str:
    """By what a model is trained: what a run says of its recipe.

    Parameters
    ----------
    recipe : Recipe
    settings : mapping
        As `recipe_settings` gave them.
    parameters : int

    Returns
    -------
    str

    Examples
    --------
    >>> recipe_sentence(Recipe.paper, {"objective": "policy"}, 8_000_000_000)
    "the paper recipe: objective policy; rate and steps are the trainer's own, since none were chosen on models of this size"
    """
    named = ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in settings.items()
    )
    more = (
        ""
        if parameters < SMALL
        else "; rate and steps are the trainer's own, since none were chosen on models of this size"
    )
    return f"the {recipe} recipe: {named or 'no setting'}{more}"
