"""A translator at work, live on a page: the weights are those of the Introduction's lab.

What stands between `<!--live-->` and `<!--/live-->` on a page is shown until the lab has been
executed (`tools.lab_runs`); then a view of the book's running example takes its place.
"""

import os
import re

from tools import lab_runs, labs

LIVE = re.compile(r"<!--live-->.*?<!--/live-->", re.DOTALL)
LAB = labs.ROOT / "docs" / "introduction-lab.py"
SENTENCE = "The agreement on the European Economic Area was signed in August 1992 ."
NAME = "The first translator that you train"
serving = False


def on_startup(command: str, dirty: bool) -> None:
    """Remember whether a server waits for the pages, and the lab is executed beside it."""
    global serving
    serving = command == "serve"


def on_page_content(content: str, **_: object) -> str:
    """Put the view in its place, unless the lab is not to be executed, or not yet."""
    if "<!--live-->" not in content or os.environ.get("LABS") == "skip":
        return content
    if serving and not lab_runs.kept(LAB).exists():
        return content
    return LIVE.sub(lambda _: view(), content)


def view() -> str:
    """The view of the running example, as HTML."""
    from attention.inspection.alignment_view import alignment_view  # here: they bring torch along
    from images.introduction import trained_translator

    translation = trained_translator().translate([SENTENCE])[0]
    return alignment_view({NAME: translation}, word="zone").html
