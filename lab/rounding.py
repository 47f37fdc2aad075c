"""Rounding: a model with its weights stored in fewer bits. A change that teaches it nothing, cheap to put to the test.

Each row of each weight matrix is rounded to 2^bits − 1 evenly spaced values between minus and plus its largest, as storing
a model in whole numbers does; biases and the scales of layer norms stay as they are.
"""

from copy import deepcopy
from typing import TYPE_CHECKING

import torch

from lab.errors import require

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def rounded(model: "PreTrainedModel", bits: int) -> "PreTrainedModel":
    """A copy of a model with its weights rounded; the model itself stays as it is. Raises SettingError.

    >>> from lab.model import load_model
    >>> model = rounded(load_model("bundled"), bits=2)
    >>> len(model.get_input_embeddings().weight[2026].unique())  # minus the largest, 0, plus the largest
    3
    """
    require(2 <= bits <= 16, f"bits is {bits}. Set it from 2 to 16.")
    levels = 2 ** (bits - 1) - 1
    copy = deepcopy(model)
    with torch.no_grad():
        for weight in copy.parameters():
            if weight.dim() > 1:
                step = weight.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12) / levels
                weight.copy_((weight / step).round() * step)
    return copy
