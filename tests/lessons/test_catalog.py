"""Lessons are linted like code: what a text names must be there, and what is there must be named."""

import importlib
import re

import gradio as gr
import pytest

from lessons.catalog import FOLDER, Lesson, lessons, read
from lessons.components.view import view

ALL = lessons()
named = pytest.mark.parametrize("lesson", ALL, ids=lambda lesson: lesson.id)


def test_ids_and_orders_are_unique_and_the_course_counts_from_one():
    assert len({lesson.id for lesson in ALL}) == len(ALL)
    course = [lesson.order for lesson in ALL if lesson.order]
    assert course == list(range(1, len(course) + 1))


@named
def test_the_id_is_the_folder_with_hyphens(lesson: Lesson):
    assert lesson.id == lesson.folder.replace("_", "-")


@named
def test_a_lesson_builds_on_earlier_ones_only(lesson: Lesson):
    earlier = {other.id for other in ALL if other.order < lesson.order}
    assert set(lesson.prerequisites) <= earlier


@named
def test_every_slot_has_its_part_and_every_part_its_slot(lesson: Lesson):
    parts = {name.removeprefix("slot_") for name in dir(lesson.page()) if name.startswith("slot_")}
    assert len(set(lesson.slots)) == len(lesson.slots), "a slot is named twice"
    assert parts == set(lesson.slots)


@named
def test_the_modules_that_a_lesson_shows_exist_and_are_used_by_it(lesson: Lesson):
    source = "".join(path.read_text(encoding="utf-8") for path in (FOLDER / lesson.folder).glob("*.py"))
    shared = [path for path in FOLDER.glob("*.py") if imports(source, f"lessons.{path.stem}")]
    source += "".join(path.read_text(encoding="utf-8") for path in shared)
    for module in lesson.modules:
        importlib.import_module(module)
        assert imports(source, module), f"{lesson.folder} does not use {module}"


def imports(source: str, module: str) -> bool:
    package, _, name = module.rpartition(".")
    return bool(re.search(rf"from {module} import|from {package} import [^\n]*\b{name}\b|import {module}", source))


@named
def test_links_between_lessons_lead_somewhere(lesson: Lesson):
    ids = {other.id for other in ALL}
    files = [*(FOLDER / lesson.folder).glob("*.py"), *(FOLDER / lesson.folder).glob("*.md")]
    for path in files:
        for target in re.findall(r"\?lesson=([\w-]+)", path.read_text(encoding="utf-8")):
            assert target in ids, f"{path.name} links to {target}"


@named
def test_a_course_lesson_is_done_step_by_step_and_ends_with_a_check(lesson: Lesson):
    if lesson.order:
        assert lesson.steps[-1] == "check"
        source = "".join(path.read_text(encoding="utf-8") for path in (FOLDER / lesson.folder).glob("*.py"))
        for step in lesson.steps[:-1]:
            assert f'"{step}"' in source, f"nothing ticks off the step {step}"


@named
def test_what_is_opened_is_closed(lesson: Lesson):
    depth = 0
    for part in lesson.parts:
        depth += {"more": 1, "after": 1, "end": -1}.get(part.kind, 0)
        assert depth >= 0, "an [[end]] too many"
    assert depth == 0, "an [[end]] is missing"


@named
def test_what_waits_for_a_prediction_waits_for_one_of_the_lesson(lesson: Lesson):
    source = "".join(path.read_text(encoding="utf-8") for path in (FOLDER / lesson.folder).glob("*.py"))
    for part in lesson.parts:
        if part.kind == "after":
            assert f'"{part.text}"' in source, f"no prediction has the id {part.text}"


@named
def test_the_prose_opens_with_one_headline(lesson: Lesson):
    prose = [part.text for part in lesson.parts if part.kind == "prose"]
    assert prose[0].startswith("# ")
    assert len(re.findall(r"^# ", "\n".join(prose), flags=re.MULTILINE)) == 1


@named
def test_what_a_link_carries_are_controls_of_the_page(lesson: Lesson):
    with gr.Blocks():
        page = lesson.page()(lesson, view([]))
        page.build()
    for name, control in page.settings().items():
        assert re.fullmatch(r"[a-z_]+", name)
        assert isinstance(control, gr.components.Component)


def test_front_matter_that_is_not_whole_is_refused_by_name(tmp_path, monkeypatch):
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "lesson.md").write_text("---\nid: half\n---\n# Half\n")
    monkeypatch.setattr("lessons.catalog.FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"half.lesson\.md: the front matter has"):
        read("half")
