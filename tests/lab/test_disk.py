"""How much a folder holds, and keeping it below a limit."""

import os

from lab.disk import folder_size, keep_below


def write(path, size, written):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (written, written))


def test_a_folder_holds_what_its_files_hold_at_any_depth(tmp_path):
    write(tmp_path / "a", 10, 1)
    write(tmp_path / "in" / "b", 5, 2)
    assert folder_size(tmp_path) == 15
    assert folder_size(tmp_path / "nowhere") == 0


def test_the_files_written_longest_ago_go_first_and_only_as_many_as_must(tmp_path):
    for name, written in (("new", 30), ("old", 10), ("middle", 20)):
        write(tmp_path / name, 10, written)
    assert keep_below(tmp_path, 20) == [tmp_path / "old"]
    assert folder_size(tmp_path) == 20
    assert keep_below(tmp_path, 20) == []
