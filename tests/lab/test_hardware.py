"""Hardware: what is chosen, what is refused, and that it is said."""

import pytest
import torch

from lab import hardware
from lab.errors import SettingError
from lab.hardware import choose


def test_what_is_asked_for_is_taken_and_said():
    chosen = choose("cpu", "bf16")
    assert (chosen.device, chosen.precision) == ("cpu", "bf16")
    assert "CPU core" in chosen.said
    assert "as asked" in chosen.said


@pytest.mark.parametrize(("gain", "precision"), [(2.0, "bf16"), (1.0, "fp32"), (1.1, "fp32")])
def test_bf16_is_chosen_on_a_cpu_only_where_it_measures_faster(monkeypatch, gain, precision):
    monkeypatch.setattr(hardware, "bf16_in_hardware", lambda: True)
    monkeypatch.setattr(hardware, "bf16_gain", lambda _: gain)
    assert choose("cpu").precision == precision


def test_without_bf16_in_hardware_it_is_fp32_and_nothing_is_measured(monkeypatch):
    monkeypatch.setattr(hardware, "bf16_in_hardware", lambda: False)
    monkeypatch.setattr(hardware, "bf16_gain", lambda _: pytest.fail("measured"))
    assert choose("cpu").precision == "fp32"


def test_a_gpu_gets_fp16_with_gradient_scaling(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Example 9000")
    chosen = choose()
    assert (chosen.device, chosen.precision) == ("cuda", "fp16")
    assert "Example 9000" in chosen.said


def test_fp16_on_a_cpu_is_refused_with_what_to_take():
    with pytest.raises(SettingError, match="fp16 needs a CUDA GPU.*Use bf16, fp32 or auto"):
        choose("cpu", "fp16")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this computer has the device that the test takes to be missing")
def test_a_device_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(SettingError, match="device is 'cuda'.*It has: cpu"):
        choose("cuda")


def test_the_measurement_is_a_plausible_ratio():
    assert 0.05 < hardware.bf16_gain(64) < 50


def test_zero_gpu_is_answered_with_a_sentence_and_the_cpu(monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose("auto", "fp32").device == "cpu"
    with pytest.raises(SettingError, match="computes on the CPU"):
        choose("cuda")
