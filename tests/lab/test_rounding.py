"""Rounding: a copy with few distinct weights; the model itself is left alone, and the tie of its embeddings holds."""

import pytest
import torch

from lab.errors import SettingError
from lab.model import load_model
from lab.rounding import rounded


@pytest.fixture
def model(tiny):
    return load_model(tiny.id)


def test_each_row_has_as_many_values_as_the_bits_allow(model):
    for weight in rounded(model, 3).parameters():
        if weight.dim() > 1:
            assert all(len(row.unique()) <= 7 for row in weight[:50])


def test_no_weight_moves_by_more_than_half_a_step(model):
    for before, after in zip(model.parameters(), rounded(model, 8).parameters(), strict=True):
        if before.dim() > 1:
            step = before.abs().amax(dim=-1, keepdim=True) / 127
            assert ((before - after).abs() <= step / 2 + 1e-7).all()
        else:
            assert (before == after).all()


def test_the_model_itself_stays_as_it_is(model):
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    rounded(model, 2)
    assert all((weight == before[name]).all() for name, weight in model.named_parameters())


def test_input_and_output_embeddings_stay_tied(model):
    copy = rounded(model, 4)
    assert copy.get_input_embeddings().weight is copy.get_output_embeddings().weight


def test_rounding_again_changes_nothing(model):
    once = rounded(model, 4)
    for one, other in zip(once.parameters(), rounded(once, 4).parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_bits_out_of_range_are_refused(model):
    with pytest.raises(SettingError, match="bits is 1"):
        rounded(model, 1)
