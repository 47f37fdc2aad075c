"""Calibration: an idle worker measures the bundled model once, and doesn't take a busy hour for a slow computer."""

import time

import torch

from lab.calibration import _clock, calibrate
from lab.config import RunConfig, preset
from lab.estimate import estimate
from lab.speeds import Speed, cost, learn, shape_of, speeds


def test_what_was_never_measured_is_measured_once(home):
    assert estimate(preset("quick")).basis.startswith("a guess")
    steps = list(calibrate())
    assert len(steps) > 4, "it can be left between two steps of a fraction of a second"
    (found,) = speeds()
    assert found.idle
    assert (found.device, found.precision, found.shape) == ("auto", "auto", shape_of("bundled"))
    assert 0 < found.training < found.scoring
    assert "while it was idle" in estimate(preset("quick")).basis
    assert list(calibrate()) == []
    assert speeds() == [found]


def test_what_a_run_has_measured_is_left_alone(home):
    shape = shape_of("bundled")
    measured = {"cost": cost(RunConfig(), shape), "training": 7.0, "scoring": 9.0}
    learn(Speed(device="auto", precision="auto", shape=shape, **measured))
    assert list(calibrate()) == []


def test_the_turns_of_other_programs_do_not_count():
    clock = _clock(torch.device("cpu"))
    began = clock()
    time.sleep(0.3)
    assert clock() - began < 0.15
