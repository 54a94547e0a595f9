"""Recipes: settings that follow from images and model, in `distill`, `plan` and `quickstart --images`."""

import pytest
from one_command import runner_of

from ppaint.cli.plan import plan
from ppaint.foundation.faults import InputFault
from ppaint.trainer.estimator import Estimator, config_class
from ppaint.trainer.recipes import Recipe, recipe_sentence, recipe_settings, usual_recipe
from ppaint.trainer.tiny_judge import SMALL, TRAINING
from ppaint.trainer.training_config import read_config

INPUTS = ["images=a", "pseudo_labels=b", "out=c"]


@pytest.mark.parametrize("recipe", Recipe)
@pytest.mark.parametrize("parameters", [SMALL - 1, SMALL])
@pytest.mark.parametrize("images", [12, 50, 2000])
def test_every_recipe_is_taken_by_the_trainer(recipe, parameters, images, tmp_path):
    settings = recipe_settings(recipe, images=images, parameters=parameters)
    args = config_class(Estimator.exact)(output_dir=str(tmp_path), use_cpu=True, **settings)
    assert args.folds == (3 if recipe is Recipe.recommended else 0) and args.objective == settings["objective"]
    assert ("max_steps" in settings) == (parameters < SMALL)


def test_the_papers_recipe_is_its_family_with_few_large_steps_for_few_images():
    few, many = (recipe_settings(Recipe.paper, images=n, parameters=SMALL - 1) for n in (50, 160))
    assert few["objective"] == many["objective"] == "policy"
    assert (few["max_steps"], few["learning_rate"]) == (20, 1e-3) and few["beta"] == TRAINING["beta"]
    assert (many["max_steps"], many["learning_rate"]) == (60, 5e-4)


def test_what_is_named_goes_before_the_recipe_and_looks_follow_from_the_steps():
    settings = recipe_settings(
        Recipe.recommended, images=50, parameters=1, given={"max_steps": 3, "objective": "policy"}
    )
    assert settings["max_steps"] == 3 and settings["save_steps"] == 1 and settings["objective"] == "policy"


def test_the_sampled_trainer_has_the_papers_recipe_alone():
    assert usual_recipe(Estimator.sampled) is Recipe.paper and usual_recipe(Estimator.exact) is Recipe.recommended
    asked = {"images": 50, "parameters": 1, "estimator": Estimator.sampled}
    assert recipe_settings(Recipe.paper, **asked, given={"beta": 0.1}) == {"beta": 0.1}
    with pytest.raises(InputFault, match="recommended recipe is the exact trainer's"):
        recipe_settings(Recipe.recommended, **asked)
    with pytest.raises(InputFault, match="must be paper, not 'recommended'"):
        read_config(None, [*INPUTS, "recipe=recommended"], Estimator.sampled)


def test_without_a_file_the_recommended_recipe_is_taken_and_with_one_none(tmp_path):
    assert read_config(None, INPUTS)[0]["recipe"] is Recipe.recommended
    assert read_config(None, [*INPUTS, "recipe=paper"])[0]["recipe"] is Recipe.paper
    path = tmp_path / "c.yaml"
    path.write_text("images: a\npseudo_labels: b\nout: c\n")
    assert "recipe" not in read_config(path, [])[0]
    path.write_text(path.read_text() + "recipe: recommended\n")
    assert read_config(path, [])[0]["recipe"] is Recipe.recommended


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["recipe=best"], "recipe: must be recommended or paper, not 'best'"),
        (["sampled_answers=4"], "sampled_answers: sampled_answers needs objective='policy'"),  # fidelity, by the recipe
        (["folds=1"], "folds: folds must be 0"),
    ],
)
def test_settings_that_do_not_go_with_the_recipe_are_refused_by_name(given, said):
    with pytest.raises(InputFault, match="command line, " + said):
        read_config(None, [*INPUTS, *given])


def test_a_sentence_says_what_was_not_chosen_for_a_large_model():
    settings = recipe_settings(Recipe.recommended, images=50, parameters=SMALL)
    assert "none were chosen on models of this size" in recipe_sentence(Recipe.recommended, settings, SMALL)
    small = recipe_settings(Recipe.recommended, images=50, parameters=1)
    assert "learning_rate 0.0005" in recipe_sentence(Recipe.recommended, small, 1)


def test_plan_counts_what_a_recipe_trains():
    run = runner_of(plan)

    def steps(*given):
        (line,) = (one for one in run("--images", 50, *given).splitlines() if "training, forward and backward" in one)
        return int(line.split()[-2].replace(",", ""))

    assert steps() == 3 * 40 * 32 and steps("recipe=paper") == 20 * 32
