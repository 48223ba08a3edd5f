"""Commands run inside the tests' own process, and what they print."""

import pytest

from attention.cli.app import main

SENTENCES = ["They arrived .", "They left early ."]
TRANSLATIONS = ["Ils sont arrivés .", "Ils sont partis tôt ."]
TEXT = "The agreement on the European Economic Area was signed in August 1992 .\n\nÇa va? 🙂\n" * 8
TINY = ["--d-model", "32", "--n-heads", "2", "--n-layers", "2", "--max-len", "32"]
TINY += ["--subwords", "300"]


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints on standard output."""
    capsys.readouterr()
    main(list(arguments))
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a command which must be refused prints, on standard error alone."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    output = capsys.readouterr()
    assert stopped.value.code == 2
    assert output.out == ""
    assert output.err.count("\n") == 1, output.err
    return output.err
