"""``ppaint reproduce``: the paper's whole protocol on a raw annotation export, its reported figures next to ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..trainer.estimator import Estimator
from ..trainer.recipes import Recipe
from ..trainer.setting_values import LARGEST_SEED
from ..trainer.tiny_judge import model_source


def reproduce(
    model: Annotated[str, typer.Option(help="A vision-language model, folder or repo; 'tiny' is the included judge.")],
    annotations: Annotated[
        Path | None, typer.Option(help="The raw annotation export (docs/raw-format.md); or give --dataset.")
    ] = None,
    dataset: Annotated[Path | None, typer.Option(help="A dataset folder that `ppaint build` made.")] = None,
    train_category: Annotated[
        str | None, typer.Option(help="The category to train on; the release's first by default.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Unlabelled training images of that category; by default its own evaluated paintings."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="YAML for the trainer, for example trainer/configs/qwen3_vl_8b_lora_one_gpu.yaml."),
    ] = None,
    recipe: Annotated[
        Recipe | None,
        typer.Option(
            help="Sets the trainer, except for what --config names; without --config, paper (its family of objectives)."
        ),
    ] = None,
    estimator: Annotated[
        Estimator, typer.Option(help="exact: a sum over the score tokens; sampled: TRL's GRPO, the paper's family.")
    ] = Estimator.exact,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=LARGEST_SEED, help="Seed of schedule and training; by default the config's, or 0."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=0, help="Ordered pairs per forward pass; 0: as many as fit on a GPU, 32 on a CPU.")
    ] = 32,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes for fusion and reference lines.")] = 2,
    out: Annotated[Path, typer.Option(help="Folder for everything; a killed run resumes.")] = Path("reproduction"),
) -> None:
    """Run the paper's protocol (one training category, all categories evaluated before and after) and print our figures next to the reported ones."""
    recipe = recipe or (Recipe.paper if config is None else None)
    options = read_options(config, estimator, recipe)
    from ..pipeline.protocol import Protocol, run_protocol
    from .terminal import progress_bars, show_lines

    configured = options.pop("seed", 0)
    settings = Protocol(
        model=model_source(model),
        annotations=annotations,
        dataset=dataset,
        train_category=train_category,
        images=images,
        estimator=estimator,
        config=config,
        options=options,
        recipe=recipe,
        seed=int(configured if seed is None else seed),
        batch_size=batch_size,
        processes=processes,
    )
    with progress_bars() as report:
        lines = run_protocol(settings, out, report)
    show_lines(lines)


def read_options(path: Path | None, estimator: Estimator, recipe: Recipe | None = None) -> dict[str, Any]:
    """The trainer's settings of a YAML file; what this command decides itself may not stand there.

    Parameters
    ----------
    path : Path, optional
        None for the trainer's defaults.
    estimator : Estimator
    recipe : Recipe, optional
        That sets what the file does not name; the two together are checked here, before anything is judged.

    Returns
    -------
    dict
        Fields of the trainer's config.

    Raises
    ------
    InputFault
        All faults of the file at once.
    """
    if path is None and recipe is None:
        return {}
    from ..foundation.faults import Fault, InputFault
    from ..trainer.training_config import INPUTS, NEEDED, read_config
    from ..trainer.yaml_settings import read_settings

    stood_in = [f"{name}=reproduce" for name in NEEDED] + ([f"recipe={recipe.value}"] if recipe else [])
    _, options = read_config(path, stood_in, estimator)
    given, _ = read_settings(path)
    decided = [name for name in INPUTS if name in given]
    if decided:
        fix = "take it out of the file (the model is --model, the images are --images, the recipe is --recipe)"
        raise InputFault(Fault(str(path), name, "this command decides it itself", fix) for name in decided)
    return options
