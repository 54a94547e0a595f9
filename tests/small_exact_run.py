"""A small run of the exact trainer, for tests: images, a judge who knows, a model of one layer."""

import numpy as np
import torch
from known_judge import KnownJudge
from PIL import Image

from ppaint.images import open_image
from ppaint.model_card import Judge
from ppaint.trainer import (
    Judging,
    JudgmentStore,
    PSDistillExactConfig,
    PSDistillExactTrainer,
    build_pool,
    rate_images,
)
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ("brushwork", "overall")
PROCESSOR = build_processor(DIMENSIONS)


def new_model(text_layers=1):
    """The starting model; the same each time."""
    return build_tiny_model(PROCESSOR, seed=1, hidden_size=32, text_layers=text_layers, vision_layers=2)


def draw_pictures():
    """Forty plain images, some dark and some light, of several shapes."""
    images = []
    for i in range(40):
        rng = np.random.default_rng(i)
        size = [(96, 160), (160, 96), (128, 128)][i % 3]
        grey = np.clip(rng.uniform(20, 235) + rng.normal(0, 12, (*size, 3)), 0, 255)
        images.append(open_image(Image.fromarray(grey.astype(np.uint8))))
    return images


def see(pictures):
    """Their features."""
    return Judge(new_model(), PROCESSOR, DIMENSIONS).features(pictures)


def judged(features, folder):
    """Judged by one who knows two directions of the features: something that the model can learn."""
    pooled = torch.stack([f.tokens.mean(0) for f in features]).double().numpy()
    _, _, axes = np.linalg.svd(pooled - pooled.mean(0), full_matrices=False)
    place = (pooled - pooled.mean(0)) @ axes[:2].T
    worths = {f.sha256: 1.5 * row for f, row in zip(features, place / place.std(0), strict=True)}
    judge = KnownJudge(worths, noise=0.2, dimensions=DIMENSIONS, batch_size=64)
    judge.compare = lambda pairs: np.array([worths[a.sha256] - worths[b.sha256] for a, b in pairs])
    with JudgmentStore(folder, judge.fingerprint, DIMENSIONS) as store:
        judging = Judging(store, judge, features)
        pool = build_pool(judging, list(worths), size=12)
        return rate_images(judging, pool, list(worths), games=8)


def make(
    folder,
    features,
    scores,
    callbacks=None,
    images=None,
    model=None,
    held_out=None,
    kind=PSDistillExactTrainer,
    **options,
):
    """A trainer of six steps, or as the options say."""
    base = {"max_steps": 6, "eval_steps": 2, "save_steps": 2, "per_device_train_batch_size": 12, "logging_steps": 1}
    args = PSDistillExactConfig(output_dir=str(folder), use_cpu=True, seed=5, **base | options)
    model = model or new_model()
    return kind(model, args, PROCESSOR, features, scores, callbacks=callbacks, images=images, held_out=held_out)


def weights(trainer):
    """A copy of them."""
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def same(one, other):
    """Whether weights are equal, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
