"""What a VAE's run is: its images, latent, networks, likelihood and evaluation."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hrssm.geometry.curvature import positive
from hrssm.latents.table import LATENTS, check
from hrssm.training.scale import Scale
from hrssm.training.settings import NAME, Strict, Training
from hrssm.training.settings import Settings as Base

#: Images a training step's worth of which a scaled-down set holds: a shorter training sees fewer images as often.
IMAGES_A_STEP = 20
FEWEST = 400
#: Episodes that a scaled-down set of frames has at the least, so that each part of a split gets some.
EPISODES = 20
#: The families of one point in a ball or hyperboloid: their heads are tangent vectors, and their decoders read them.
GEO = ("riemannian-normal", "wrapped-normal", "riemannian-normal-product", "wrapped-normal-product")


class Breakout(Strict):
    """Frames of Breakout, binary; see `hrssm.data.breakout`. ``data_seed`` draws the play and the split."""

    source: Literal["breakout"] = "breakout"
    frames: int = Field(default=100_000, ge=1, le=10**7)
    policy: Literal["follow", "random"] = "follow"
    split: Literal["episodes", "frames"] = "episodes"
    every: int = Field(default=4, ge=1, le=1000)
    longest: int = Field(default=5000, ge=1, le=10**6)


class Sprites(Strict):
    """Shapes of known factors, binary or coloured; see `hrssm.data.sprites`."""

    source: Literal["sprites"] = "sprites"
    count: int = Field(default=100_000, ge=10, le=10**7)
    coloured: bool = False


class Digits(Strict):
    """scikit-learn's digits, binary; see `hrssm.data.digits`."""

    source: Literal["digits"] = "digits"


class Folder(Strict):
    """Pictures of the reader's own, in the folder of this name below $HRSSM_IMAGES; see `hrssm.data.folder`."""

    source: Literal["folder"] = "folder"
    name: str = Field(pattern=NAME)
    validation: Literal["stratified", "source"] = "stratified"
    strict: bool = False


Data = Annotated[Breakout | Sprites | Digits | Folder, Field(discriminator="source")]


class Latent(Strict):
    """The latent law on ``planes`` planes (or R^(2 planes)), and how heads and decoder see it.

    head: "vanilla" reads locations as coordinates and decodes coordinates; "geo" reads them as tangent vectors at the
    origin, exp_0 and T_c away, and decodes the logarithm of the sample; None is "geo" for the Riemannian and the
    wrapped normal, as GM-VAE has them, else "vanilla". curvature: c > 0 of the PGM normal's planes of curvature -c,
    to begin with where it is ``learned``.
    """

    family: str = "gaussian-manifold-normal"
    planes: int = Field(default=2, ge=1, le=2048)
    head: Literal["vanilla", "geo"] | None = None
    curvature: float = 1.0
    learned: bool = False
    scale_min: float = Field(default=1e-6, gt=0)
    scale_max: float = Field(default=3.0, gt=0)
    height_max: float = Field(default=20.0, gt=0)

    @property
    def dim(self) -> int:
        """Coordinates of a sample."""
        return 2 * self.planes

    @property
    def geo(self) -> bool:
        """Whether heads put out tangent vectors."""
        return self.family in GEO if self.head is None else self.head == "geo"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.scale_min >= self.scale_max:
            raise ValueError(f"scale_min {self.scale_min} must be below scale_max {self.scale_max}")
        if check(self.family, self.dim).square:
            raise ValueError(f"family {self.family!r} has no density, which the bounds need")
        positive(self.curvature)
        if self.family != "gaussian-manifold-normal" and (self.curvature != 1.0 or self.learned):
            learned = ", learned" if self.learned else ""
            raise ValueError(
                f"curvature {self.curvature}{learned}: only family gaussian-manifold-normal "
                f"has curvatures other than 1; the planes of {self.family!r} have curvature -1"
            )
        if self.geo and self.family.startswith("gaussian") and self.family != "gaussian-manifold-normal":
            raise ValueError(f"head 'geo' is the identity in flat space: use 'vanilla' for family {self.family!r}")
        if self.family.startswith("riemannian-normal") and (self.scale_min < 0.001 or self.scale_max > 3):
            raise ValueError(
                f"scale_min {self.scale_min}, scale_max {self.scale_max}: the Riemannian normal's normaliser is "
                "accurate for scales from 0.001 to 3"
            )
        return self


class Model(Strict):
    """The networks' size: channels after the first of four convolutions, 32 in GM-VAE; and the numbers' type."""

    depth: int = Field(default=32, ge=1, le=1024)
    dtype: Literal["float32", "float64"] = "float32"


class Objective(Strict):
    """The likelihood and what is minimised, -E log p(x | z) + kl_weight KL.

    likelihood_scale is the Gaussian's standard deviation in units of [-1, 1]; sqrt(1/2) is GM-VAE's squared error.
    """

    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    likelihood_scale: float = Field(default=0.7071067811865476, gt=0)
    kl_weight: float = Field(default=1.0, ge=0)


class Evaluation(Strict):
    """How many images are scored, and with how many samples each."""

    images: int = Field(default=500, ge=2, le=10**6)
    samples: int = Field(default=50, ge=2, le=10**5)
    curve_samples: int = Field(default=5, ge=2, le=10**5, description="of the curve on validation images")


class Settings(Base):
    """Everything that determines the runs of one VAE cell, but for their seeds."""

    kind: Literal["vae"] = "vae"
    data: Data = Breakout()
    latent: Latent = Latent()
    model: Model = Model()
    objective: Objective = Objective()
    training: Training = Training(steps=80_000, batch=100, learning_rate=1e-3, clip=1e9, evaluate_every=800)
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.training.evaluate_every:
            raise ValueError("training.evaluate_every must be at least 1: the best weights are chosen on the way")
        coloured = self.channels == 3
        if coloured == (self.objective.likelihood == "bernoulli"):
            needed = "gaussian" if coloured else "bernoulli"
            raise ValueError(f"objective.likelihood must be {needed!r} for {self.data.source} images of this kind")
        return self

    @property
    def channels(self) -> int:
        """1 for binary images, 3 for coloured ones."""
        return 3 if isinstance(self.data, Folder) or (isinstance(self.data, Sprites) and self.data.coloured) else 1

    def scaled(self, scale: Scale) -> Self:
        training, data = scale.training(self.training), self.data
        most = max(FEWEST, IMAGES_A_STEP * training.steps)
        if isinstance(data, Breakout):
            frames = min(data.frames, most)
            data = data.model_copy(update={"frames": frames, "longest": min(data.longest, -(-frames // EPISODES))})
        elif isinstance(data, Sprites):
            data = data.model_copy(update={"count": min(data.count, most)})
        images, samples = (min(n, scale.evaluation_walks) for n in (self.evaluation.images, self.evaluation.samples))
        return self.model_copy(
            update={
                "data": data,
                "model": self.model.model_copy(update={"depth": scale.narrow(self.model.depth, 4)}),
                "training": training,
                "evaluation": self.evaluation.model_copy(update={"images": images, "samples": samples}),
            }
        )

    def work(self) -> float:
        # multiply-adds of both networks for one image
        layers = 49_152 * self.model.depth**2 + 32_768 * self.channels * self.model.depth
        return float(3 * self.training.steps * self.training.batch * layers)

    def modules(self) -> tuple[str, ...]:
        return (LATENTS[self.latent.family].module, f"hrssm.data.{self.data.source}")

    @property
    def family(self) -> str:
        return LATENTS[self.latent.family].label

    @property
    def size(self) -> int:
        return self.latent.dim

    def label(self, *, dimension: bool = True) -> str:
        """A run in words: family, planes (unless left out), then what makes it special.

        >>> Settings().label()
        'Gaussian manifold normal, n = 2'
        """
        words = [self.family, f"n = {self.latent.planes}" if dimension else "", self.variant()]
        return ", ".join(word for word in words if word)

    def variant(self) -> str:
        """What sets a run apart besides family and planes, in words; empty for the plain one.

        >>> Settings(latent=Latent(curvature=0.5, head="geo")).variant()
        'c = 0.5, Geo'
        """
        latent, data = self.latent, self.data
        words = [f"c = {latent.curvature:g}" if latent.curvature != 1 else "", "learned c" if latent.learned else ""]
        if latent.head is not None and latent.geo != (latent.family in GEO):
            words.append("Geo" if latent.geo else "Vanilla")
        if isinstance(data, Breakout):
            words += ["random play"] * (data.policy == "random") + ["frames shuffled"] * (data.split == "frames")
        words.append("float64" if self.model.dtype == "float64" else "")
        return ", ".join(word for word in words if word)
