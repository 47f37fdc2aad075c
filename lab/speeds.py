"""Speeds: how fast this computer trains and scores which kind of model, as measured here.

Kept in LAB_HOME/speeds.json, the latest of each kind of model, device and number format. A run that ends adds its own; a
spare worker measures the bundled model while it is idle, so that there is something to go by from the beginning.
"""

from dataclasses import asdict, dataclass

from lab import hub
from lab.config import RunConfig
from lab.events import CheckpointSaved, Evaluated, Event, Probed, RunStarted, Stepped
from lab.home import ASSETS, home, lock, make_folder, read_json, write_json
from lab.runs import Run, find_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What was measured of one kind of model."""

    device: str  # as asked for, so that "auto" stands for what it comes to here
    precision: str
    shape: tuple[int, int, int, int]  # width, layers, inner width, pieces in the vocabulary
    cost: float  # multiplications a training token, see `cost`
    training: float  # tokens a second
    scoring: float  # tokens a second
    probe: float = 0.1  # seconds to fill the probe sentences once
    save: float = 0.5  # seconds to save a checkpoint
    idle: bool = False  # measured by a spare worker, not by a run


def speeds() -> list[Speed]:
    """All that have been measured in this home."""
    content = read_json(home() / "speeds.json") or []
    return [Speed(**each | {"shape": tuple(each["shape"])}) for each in content]


def learn(speed: Speed) -> None:
    """Keep a speed, in the place of what was known of its kind. A speed of an idle hour never replaces one of a run."""
    make_folder(home())
    with lock(home() / "speeds.lock"):
        known = {(each.device, each.precision, each.shape): each for each in speeds()}
        key = (speed.device, speed.precision, speed.shape)
        if not (speed.idle and key in known):
            known[key] = speed
            write_json(home() / "speeds.json", [asdict(each) for each in known.values()])


def learn_from(run: Run) -> None:
    """Keep the speed of a run that has ended, if it went on long enough to show one."""
    config = run.config()
    seconds: dict[type[Event], list[float]] = {Stepped: [], Evaluated: [], Probed: [], CheckpointSaved: []}
    started, last, before = None, None, 0.0
    for event in run.events():
        if isinstance(event, RunStarted):
            started, last = event, None
        elif type(event) in seconds:
            seconds[type(event)].append(event.seconds - before)
        last = event if isinstance(event, Stepped) else last
        before = event.seconds
    if started is None or last is None or last.step - started.step < _ENOUGH or not seconds[Evaluated]:
        return
    shape = shape_of(config.model)
    learn(
        Speed(
            device=config.device,
            precision=config.precision,
            shape=shape,
            cost=cost(config, shape),
            training=last.tokens_per_second,
            scoring=started.test_chunks * started.chunk_size / max(1e-3, min(seconds[Evaluated])),
            probe=_middle(seconds[Probed], 0.1),
            save=_middle(seconds[CheckpointSaved], 0.5),
        )
    )


_ENOUGH = 5  # steps


def _middle(values: list[float], default: float) -> float:
    return sorted(values)[len(values) // 2] if values else default


def shape_of(model: str) -> tuple[int, int, int, int]:
    """Width, layers, inner width and vocabulary of a model, from its configuration alone."""
    if model in _SHAPES:
        return _SHAPES[model]
    run = None if model == "bundled" else find_run(model)
    content = read_json((run.model if run else ASSETS / "model") / "config.json") or {}

    def first(*names: str) -> int:
        return next((int(content[name]) for name in names if name in content), 1)

    return (
        first("dim", "hidden_size"),
        first("n_layers", "num_hidden_layers"),
        first("hidden_dim", "intermediate_size"),
        first("vocab_size"),
    )


def cost(config: RunConfig, shape: tuple[int, int, int, int]) -> float:
    """Multiplications that a training token costs; the vocabulary is reckoned only where something is selected."""
    width, layers, inner, pieces = shape
    body = layers * (4 * width**2 + 2 * width * inner + 2 * width * config.chunking.chunk_size)
    return body + config.masking.mlm_probability * (width**2 + width * pieces)


_SHAPES = {  # what is known of the models of the Hub before they have been fetched: width, layers, inner width, pieces
    "distilbert/distilbert-base-uncased": (768, 6, 3072, 30_522),
    "distilbert/distilbert-base-cased": (768, 6, 3072, 28_996),
    "distilbert/distilroberta-base": (768, 6, 3072, 50_265),
    "distilbert/distilbert-base-multilingual-cased": (768, 6, 3072, 119_547),
}
assert _SHAPES.keys() == hub.MODELS.keys(), "every model that may be fetched has its shape here"
