"""Every check stands on a page, refuses what the page hands out, and accepts its solution."""

import pytest

from attention import exercises
from attention.exercises import Hint
from tests.exercise_pages import asked

ASKED = asked()


@pytest.mark.on_cpu(reason="text only")
def test_every_check_is_asked_for_and_none_that_is_not_there():
    assert set(ASKED) == set(exercises.__all__) - {"Hint"}


@pytest.mark.parametrize("check", ASKED)
def test_the_stub_gets_a_hint_and_the_solution_is_right(check, capsys):
    page, codes = ASKED[check]
    assert len(codes) == 2, f"{page} should show {check} in a stub, and in its solution"
    stub, solution = codes
    with pytest.raises(Hint):
        exec(stub, {})
    assert capsys.readouterr().out == ""
    exec(solution, {})
    assert capsys.readouterr().out.startswith("Right: ")


@pytest.mark.on_cpu(reason="text only")
def test_every_chapter_asks_at_least_three_times():
    pages = [page for page, _ in ASKED.values()]
    assert {page for page in pages if pages.count(page) < 3} == set()
