"""The fifth lesson: its form is the configuration, its pictures are of the run, its answers are computed, its code runs."""

import re
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from lab import jobs
from lab.config import PRESETS, RunConfig, preset
from lab.errors import LabError, RunError, SettingError
from lab.events import Evaluated, Failed, Probed, RunStarted, Stepped
from lab.runs import Run, create_run, get_run
from lab.settings import declared, values
from lab.story import curve
from lab.training import fine_tune
from lessons import bench
from lessons.bench import Using
from lessons.catalog import read
from lessons.components.view import view
from lessons.fine_tuning import calm, exercises, forecast, form, look, page
from lessons.fine_tuning.code import drawer
from tests.conftest import make_run
from tests.lessons.reading import printed


def quick(films, **settings):
    settings = {
        "corpus": str(films),
        "chunk_size": 16,
        "max_train_chunks": 20,
        "max_test_chunks": 4,
        "per_device_train_batch_size": 4,
        "num_train_epochs": 1,
        "learning_rate": 1e-3,
        "warmup_steps": 0,
        "mlm_probability": 0.3,
        "precision": "fp32",
        "device": "cpu",
        "probes": ["The [MASK] of Ada.", "A [MASK] ending."],
        **settings,
    }
    return preset("quick", **settings)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tokenizer):
    """One run of a tiny model on a corpus of its own, that most tests look at."""
    import torch
    from transformers import DistilBertConfig, DistilBertForMaskedLM

    home = tmp_path_factory.mktemp("home")
    films = home / "films.txt"
    text = "The {0} of {1} was a wonderful film, but the unforgettable ending number {0} made {1} cry."
    films.write_text("\n\n".join(text.format(i, name) for i in range(8) for name in ("Ada", "Bo", "Cy", "Di", "Ed")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_HOME", str(home))
        torch.manual_seed(0)
        small = DistilBertConfig(dim=32, n_layers=2, n_heads=2, hidden_dim=64, vocab_size=len(tokenizer), dropout=0.3)
        tiny = make_run(DistilBertForMaskedLM(small), tokenizer)
        events = list(fine_tune(quick(films, model=tiny.id)))
        bench._warm.set()
        yield SimpleNamespace(run=get_run(events[0].run), events=events, tiny=tiny, films=films)


def told(blocks):
    """All that a list of blocks says."""
    return str(blocks)


# The form -------------------------------------------------------------------------------------------------------------


def form_values(config):
    given = values(config)
    return [form.shown(each, given[each.name]) for each in form.settings()]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_goes_into_the_form_and_comes_out_the_same(name):
    _, filled = form.filled(name)
    assert form.read(Using(), filled) == preset(name, model="bundled", corpus="reviews")


def test_the_form_holds_every_setting_but_those_chosen_elsewhere():
    held = {each.name for each in form.settings()}
    assert {each.name for each in declared(RunConfig)} - held == {"model", "corpus", "text_column", "report_to"}
    groups = {form.group_of(each) for each in form.settings()}
    assert groups == set(form.GROUPS)


def test_each_control_carries_its_settings_own_help():
    with gr.Blocks():
        for each in form.settings():
            control = form.control(each)
            assert each.help[1:] in control.info
            assert control.elem_id == f"fine-tuning-{each.name.replace('_', '-')}"


def test_what_is_left_empty_is_not_given_and_what_is_no_number_is_refused_by_name():
    given = dict(zip([each.name for each in form.settings()], form_values(preset("quick")), strict=True))

    def read_with(**changed):
        return form.read(Using(), list((given | changed).values()))

    assert read_with(max_steps="").optimization.max_steps is None
    assert read_with(max_steps=" 1,200 ").optimization.max_steps == 1200
    assert read_with(dropout="0").optimization.dropout == 0.0
    with pytest.raises(SettingError, match="max_steps is 'many', which is not a whole number"):
        read_with(max_steps="many")
    with pytest.raises(SettingError, match="learning_rate is None"):
        read_with(learning_rate=None)
    with pytest.raises(SettingError, match=r"has no \[MASK\]"):
        read_with(probes="A [MASK].\nNo blank")
    assert read_with(probes="").probes == ()


def test_corpus_and_model_come_from_what_is_in_use_and_never_from_the_form(home):
    config = form.read(Using(corpus="reviews", model="bundled"), form_values(preset("tutorial")))
    assert (config.data.corpus, config.model) == ("reviews", "bundled")
    with pytest.raises(LabError, match="no longer on this computer"):
        form.read(Using(corpus="upload:" + "0" * 32), form_values(preset("quick")))


def test_the_expected_time_says_how_it_is_known_and_what_is_not_allowed(home, monkeypatch):
    said = told(form.expected(preset("quick")))
    assert "optimizer steps" in said
    assert "The time is a guess" in said
    monkeypatch.setenv("LAB_MAX_STEPS", "10")
    assert "at most 10 are allowed here" in told(form.expected(preset("quick")))
    monkeypatch.setenv("LAB_MAX_STEPS", "none")
    monkeypatch.setenv("LAB_MAX_SECONDS", "5")
    assert "it would be stopped after about 5 seconds" in told(form.expected(preset("quick")))


def test_run_asks_for_a_run_that_belongs_to_whoever_asked(home):
    request = SimpleNamespace(client=SimpleNamespace(host="10.0.0.9"), headers={})
    given = form_values(preset("quick", max_steps=3, strategy="whole_word"))
    started = page.start(Using(), request, *given)[0]
    assert started["name"] == "whole-word masking, learning rate 0.0003"
    assert jobs.owns(started["run"], started["token"])
    assert get_run(started["run"]).config() == form.read(Using(), given)
    page.start(Using(), request, *given)
    with pytest.raises(RunError, match="2 runs waiting"):
        page.start(Using(), request, *given)
    with pytest.raises(LabError, match="no longer on this computer"):
        page.start(Using(model="20260101-000000-000-token-dead"), request, *given)


# The forecast ---------------------------------------------------------------------------------------------------------


def test_what_is_told_beforehand_is_what_a_quick_run_begins_with(warm, tiny):
    using = Using(model=tiny.id)
    *_, (told, said) = forecast.now(using)
    quick = preset("quick", model=tiny.id, max_steps=1, max_train_chunks=16, precision="fp32", device="cpu", probes=())
    begun = next(event for event in fine_tune(quick) if isinstance(event, Evaluated))
    assert told["figures"][0]["value"] == f"{begun.perplexity:.1f}"
    assert f"{begun.positions:,} scored pieces" in said["text"]


def test_the_baseline_told_beforehand_is_that_of_a_quick_run(warm, tiny):
    *_, (told, _) = forecast.now(Using(model=tiny.id))
    quick = preset("quick", model=tiny.id, max_steps=1, precision="fp32", device="cpu", probes=(), chunk_size=128)
    started = next(event for event in fine_tune(quick) if isinstance(event, RunStarted))
    assert told["figures"][1]["value"] == f"{started.unigram:,.0f}"


def test_a_forecast_is_asked_without_an_outcome_and_answered_when_the_run_has_ended(trained):
    open_ = forecast.questions(preset("quick"))
    assert open_["perplexity"]["outcome"] is None
    assert open_["probe"]["options"] == [*RunConfig().probes, forecast.NONE]
    assert forecast.questions(preset("quick", probes=[]))["probe"] is None
    closed = forecast.questions(trained.run.config(), trained.run)
    assert closed["perplexity"]["outcome"] == round(trained.events[-1].perplexity, 1)
    assert closed["probe"]["outcome"] == forecast.changed_first(curve(trained.run.events()))


def test_the_probe_that_changed_first_is_told_with_its_step_and_ties_together():
    def look_at(step, *words):
        fills = tuple((sentence, ((word, 0.5),)) for sentence, word in zip(("one", "two", "three"), words, strict=True))
        return Probed(step=step, seconds=0.0, fills=fills)

    first = look_at(0, "a", "b", "c")
    assert forecast.changed_first([first, look_at(3, "a", "b", "c")]) == forecast.NONE
    assert forecast.changed_first([first, look_at(3, "a", "x", "c"), look_at(6, "y", "b", "c")]) == "two (at step 3)"
    assert forecast.changed_first([first, look_at(3, "z", "b", "y")]) == "one · three (at step 3)"


def test_what_came_of_a_run_is_said_with_its_own_numbers(trained):
    after = told(forecast.after(trained.run, now_state="finished"))
    scores = [event for event in trained.events if isinstance(event, Evaluated)]
    assert f"{scores[0].perplexity:.2f}" in after
    assert f"{scores[-1].perplexity:.2f}" in after
    steps = [event for event in trained.events if isinstance(event, Stepped)]
    above = steps[-1].loss > scores[-1].mean_nll
    assert f"**{'above' if above else 'below'}** it" in after
    assert "?lesson=perplexity" in after
    assert forecast.after(trained.run, now_state="running") == []


def test_a_run_that_failed_before_its_first_step_has_no_outcome(home):
    run = create_run(RunConfig())
    with run.writing() as writer:
        writer.append(Failed(step=0, seconds=0.0, reason="There was not enough memory."))
    assert forecast.after(run, now_state="failed") == []
    assert forecast.questions(run.config(), run)["perplexity"]["outcome"] is None
    assert "come when it has taken its first steps" in told(exercises.questions(run))


# Into a step ----------------------------------------------------------------------------------------------------------


def test_a_step_is_shown_with_the_pieces_that_were_scored_and_the_loss_of_the_curve(trained):
    step = next(event for event in trained.events if isinstance(event, Stepped) and event.step == 3)
    shown = look.step_read(trained.run, 3, 0)
    assert f"{step.scored} scored pieces" in told(shown)
    assert f"{step.loss:.2f}"[:3] in told(shown)
    pages = [look.step_read(trained.run, 3, number) for number in range(2)]
    lanes = [lane for blocks in pages for lane in blocks[2]["lanes"]]
    pieces = [piece for lane in lanes for word in lane["words"] for piece in word["pieces"]]
    assert len(pieces) == 4 * 16
    assert sum("heat" in piece for piece in pieces) == step.scored
    assert [lane["name"] for lane in lanes] == ["Chunk 1", "Chunk 2", "Chunk 3", "Chunk 4"]


@pytest.mark.parametrize(("step", "page_number"), [(10**6, 0), (0, -5), (3, 10**9)])
def test_a_step_or_page_that_is_not_there_gives_the_nearest(trained, step, page_number):
    assert "Step" in told(look.step_read(trained.run, step, page_number))


def test_the_text_of_an_own_file_is_for_its_owner_alone(home):
    ticket = jobs.submit(RunConfig(max_train_chunks=16), visitor="a")
    run = bench.run_of(ticket.run)
    look.check_may_read(run, "")  # the bundled reviews are anyone's
    own = jobs.submit(replace(RunConfig(), data=replace(RunConfig().data, corpus=__file__)), visitor="a")
    with pytest.raises(RunError, match="only whoever started it"):
        look.check_may_read(bench.run_of(own.run), "made-up")
    look.check_may_read(bench.run_of(own.run), own.token)


@pytest.mark.parametrize("data", [{}, {"run": "x", "step": "3", "page": 0, "token": ""}, {"run": 3, "step": 1, "page": 0}])
def test_an_event_that_makes_no_sense_is_refused(trained, data):
    with pytest.raises(RunError, match="no such step"):
        page.point(Using(), SimpleNamespace(**data))


# With dropout and without ---------------------------------------------------------------------------------------------


def test_the_same_batch_is_scored_both_ways_and_the_outcome_follows_from_it(trained):
    *progress, (picture, asked) = calm.score(trained.run)
    assert all("outcome" in each[0] and each[0]["outcome"] is None for _, each in progress)
    figures = [float(each["value"]) for each in picture[1]["figures"]]
    disturbed, without, held_out = figures
    change = without - disturbed
    expected = calm.STAYS if abs(change) < 0.0015 else calm.FALLS if change < 0 else calm.RISES
    assert asked[0]["outcome"] == expected
    scores = [event for event in trained.events if isinstance(event, Evaluated)]
    assert held_out == round(scores[-1].mean_nll, 3)
    assert "30" in picture[1]["figures"][0]["label"]


def test_a_run_without_a_model_is_refused_with_a_sentence(home):
    with pytest.raises(RunError, match="no trained model yet"):
        list(calm.score(create_run(RunConfig())))
    with pytest.raises(RunError, match="no run of yours on this page"):
        list(page.compare(Using(), None))


def test_other_tasks_are_named_where_training_and_scoring_masks_differ(trained, monkeypatch):
    config = trained.run.config()
    monkeypatch.setattr(Run, "config", lambda _: replace(config, masking=replace(config.masking, strategy="whole_word")))
    scores = [event for event in trained.events if isinstance(event, Evaluated)]
    assert "another masking strategy, so another task" in told(calm._held_out(trained.run, scores, 3.0))


# Questions ------------------------------------------------------------------------------------------------------------


def test_each_question_has_one_right_answer_and_every_answer_its_reason(trained):
    (card,) = exercises.questions(trained.run)
    assert [question["id"] for question in card["questions"]] == ["steps", "best", "scored"]
    for question in card["questions"]:
        texts = [choice["text"] for choice in question["choices"]]
        assert sum(choice["right"] for choice in question["choices"]) == 1
        assert len(set(texts)) == len(texts) >= 2
        assert all(choice["why"] for choice in question["choices"])
        assert question["hint"]
    assert exercises.questions(trained.run) == [card]


@pytest.mark.parametrize("chunks", [2, 3, 7, 32, 33, 1_732, 10_000])
@pytest.mark.parametrize("about", ["a", "b", "c", "d"])
def test_leaving_out_the_accumulation_never_gives_the_right_number_of_steps(chunks, about):
    question = exercises.optimizer_steps(chunks, 32, about)
    right = next(int(choice.text.replace(",", "")) for choice in question.choices if choice.right)
    batch, portions, epochs = map(int, re.findall(r"batches of (\d+).*steps (\d+), for (\d+)", question.prompt)[0])
    reads = list(range(0, chunks, batch))
    assert right == epochs * len(range(0, len(reads), portions))
    trap = next(choice for choice in question.choices if "counts forward passes" in choice.why)
    assert int(trap.text.replace(",", "")) == epochs * len(reads)


def test_the_best_checkpoint_is_the_one_with_the_lowest_held_out_loss_wherever_it_stands():
    def scores(*losses):
        return [
            Evaluated(step=10 * i, seconds=0, epoch=i, perplexity=1.0, mean_nll=loss, accuracy=0.5, positions=9)
            for i, loss in enumerate(losses)
        ]

    steps = [step_of(i, 9, 4 - i / 100) for i in range(1, 31)]
    overfitted = exercises.best_checkpoint(scores(4.0, 3.5, 3.0, 3.2), steps, "a")
    assert next(choice.text for choice in overfitted.choices if choice.right) == "the one at step 20"
    last = next(choice for choice in overfitted.choices if choice.text == "the one at step 30")
    assert "not always the best" in last.why
    learning = exercises.best_checkpoint(scores(4.0, 3.5, 3.4), steps, "a")
    right = next(choice for choice in learning.choices if choice.right)
    assert right.text == "the one at step 20"
    assert "not the place" in right.why
    assert any("training loss was lowest" in choice.why for choice in learning.choices)
    assert exercises.best_checkpoint(scores(4.0), steps, "a") is None


def step_of(step, scored, loss=3.0):
    return Stepped(
        step=step,
        seconds=0,
        epoch=0,
        loss=loss,
        learning_rate=0,
        grad_norm=0,
        scored=scored,
        tokens_per_second=1,
        eta_seconds=0,
    )


def test_a_step_that_was_left_with_few_chunks_is_not_asked_about():
    assert exercises.latest_full([step_of(1, 600), step_of(2, 580), step_of(3, 80)]).step == 2


def test_the_scored_positions_are_those_of_the_event(trained):
    (card,) = exercises.questions(trained.run)
    last = [event for event in trained.events if isinstance(event, Stepped)][-1]
    choices = {choice["text"]: choice["right"] for choice in card["questions"][2]["choices"]}
    assert choices[f"{last.scored:,}"]
    assert not choices["64"]  # all the tokens of the batch


# The code drawer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"strategy": "whole_word", "special_tokens": "chunk", "remainder": "pad"}])
def test_the_code_runs_and_comes_to_what_is_on_the_screen(trained, tmp_path, settings):
    config = trained.run.config()
    run = trained.run
    if settings:
        changed = quick(trained.films, model=trained.tiny.id, gradient_accumulation_steps=2, **settings)
        run = get_run(next(iter(fine_tune(changed))).run)
        config = changed
    (tmp_path / "films.txt").write_text(trained.films.read_text())
    drawn = drawer(config, run)
    with_lab, plain = (source for _, source in drawn["tabs"])
    if not settings:
        assert "the same to the last digit" in printed(with_lab, tmp_path)
    said = printed(plain, tmp_path)
    chunks, steps = map(int, re.findall(r"(\d+) chunks, (\d+) steps", said)[0])
    events = list(run.events())
    assert steps == events[0].total_steps
    assert abs(chunks - events[0].train_chunks) <= 2  # an own file is split by other dice
    perplexity = float(re.findall(r"held-out perplexity ([\d.]+)", said)[0])
    assert 100 < perplexity < 100_000  # of a tiny untrained model, nearly uniform


def test_before_any_run_the_code_is_that_of_the_form_and_names_no_path(trained):
    config = quick(trained.films)
    with_lab, plain = (source for _, source in drawer(config)["tabs"])
    compile(with_lab, "lab", "exec")
    compile(plain, "plain", "exec")
    assert str(trained.films) not in with_lab + plain
    assert "'films.txt'" in with_lab
    assert "'films.txt'" in plain


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("strategy", ["token", "whole_word"])
def test_the_code_of_every_preset_is_python(name, strategy):
    for _, source in drawer(preset(name, strategy=strategy, dropout=0.2, precision="bf16"))["tabs"]:
        compile(source, name, "exec")


# The page -------------------------------------------------------------------------------------------------------------


def test_all_that_depends_on_a_run_is_drawn_for_the_run_that_is_shown(trained):
    given = form_values(preset("quick"))
    mine, shown, asked, after, check, code = page.turned(
        Using(runs=(trained.run.id,)), SimpleNamespace(run=trained.run.id), *given
    )
    assert shown == trained.run.id
    assert mine[0]["rows"][0]["shown"]
    assert asked[0]["run"] == trained.run.id
    assert after
    assert check[0]["type"] == "questions"
    assert code[0]["type"] == "code"


def test_without_a_run_the_page_asks_for_the_forecast_and_waits(trained):
    given = form_values(preset("quick"))
    mine, shown, asked, after, check, _ = page.turned(Using(), SimpleNamespace(run=""), *given)
    assert (mine[0]["rows"], shown, after) == ([], None, [])
    assert asked[0]["run"] == ""
    assert "come when it has ended" in told(check)


def test_what_a_link_carries_are_the_open_settings_and_the_run():
    lesson = read("fine_tuning")
    with gr.Blocks():
        built = lesson.page()(lesson, view([]))
        built.build()
    assert set(built.settings()) == {"strategy", "learning_rate", "epochs", "steps", "run"}
