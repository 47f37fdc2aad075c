"""A base model in miniature: from nothing, and from another checkpoint's encoder."""

import pytest
import torch
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

from lab.errors import LabError
from lab.events import Evaluated, Finished
from lab.model import load_model
from lab.pretraining import Start, fresh_checkpoint, fresh_model, pretrain_config
from lab.runs import list_runs
from lab.training import fine_tune

SMALL = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
IDS = torch.tensor([[5, 6, 7, 8, 9]])


def test_a_model_learns_from_nothing_and_loads_as_a_run(home, films):
    config = pretrain_config(
        Start(**SMALL),
        corpus=str(films),
        chunk_size=16,
        per_device_train_batch_size=8,
        num_train_epochs=6.0,
        learning_rate=3e-3,
        warmup_steps=2,
        precision="fp32",
        device="cpu",
        probes=(),
    )
    events = list(fine_tune(config))
    scores = [event.perplexity for event in events if isinstance(event, Evaluated)]
    assert isinstance(events[-1], Finished)
    assert scores[-1] < scores[0] / 10
    assert load_model(list_runs()[0].id).config.dim == 32


def test_the_same_start_is_the_same_checkpoint_and_another_is_another(home):
    one = fresh_checkpoint(Start(**SMALL))
    assert fresh_checkpoint(Start(**SMALL)) == one
    assert fresh_checkpoint(Start(**SMALL, start_seed=1)) != one
    again = fresh_model(Start(**SMALL), load_model(str(one)).config.vocab_size)
    for name, weight in load_model(str(one)).state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name


def test_an_encoder_of_berts_kind_is_taken_over_exactly(tmp_path):
    torch.manual_seed(1)
    config = BertConfig(vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    bert = BertModel(config).eval()
    bert.save_pretrained(tmp_path)
    taken = fresh_model(Start(encoder=str(tmp_path)), vocabulary=50).eval()
    with torch.no_grad():
        difference = taken.distilbert(IDS).last_hidden_state - bert(IDS).last_hidden_state
    assert difference.abs().max() < 1e-5


def test_an_encoder_of_distilberts_kind_is_taken_over_exactly(tmp_path):
    torch.manual_seed(1)
    source = DistilBertModel(DistilBertConfig(vocab_size=50, **SMALL)).eval()
    source.save_pretrained(tmp_path)
    taken = fresh_model(Start(encoder=str(tmp_path)), vocabulary=50).eval()
    with torch.no_grad():
        assert torch.equal(taken.distilbert(IDS).last_hidden_state, source(IDS).last_hidden_state)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"dim": 30, "n_heads": 4}, "multiple of n_heads"),
        ({"n_layers": 0}, "n_layers is 0"),
        ({"encoder": "/nowhere"}, "no checkpoint in /nowhere"),
    ],
)
def test_a_start_that_cannot_be_is_refused_with_a_sentence(home, settings, sentence):
    with pytest.raises(LabError, match=sentence):
        fresh_model(Start(**settings), vocabulary=50)


def test_an_encoder_with_another_vocabulary_is_refused_by_both_numbers(tmp_path):
    DistilBertModel(DistilBertConfig(vocab_size=50, **SMALL)).save_pretrained(tmp_path)
    with pytest.raises(LabError, match="knows 50 pieces, and the tokenizer 60"):
        fresh_model(Start(encoder=str(tmp_path)), vocabulary=60)
