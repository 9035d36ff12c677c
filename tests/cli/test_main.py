from __future__ import annotations

import re
import subprocess
import sys
import warnings

import pytest

from weft.cli import main
from weft.cli.main import message, parser


def run(*words):
    return subprocess.run([sys.executable, "-m", "weft", *words], capture_output=True, text=True)


def test_every_command_explains_itself(capsys):
    (commands,) = (action.choices for action in parser()._actions if action.choices)
    assert set(commands) == {"list", "show", "run", "resume", "evaluate", "predict", "compare", "diagnose", "bundle", "serve", "summary", "doctor", "data", "new"}
    for name in commands:
        assert main([name, "--help"]) == 0
        assert len(capsys.readouterr().out) > 100


@pytest.mark.parametrize("words", [[], ["fly"], ["show"], ["serve", "x", "--port", "many"], ["run"]])
def test_a_wrong_call_is_two(words, capsys):
    assert main(words) == 2
    assert "usage:" in capsys.readouterr().err


def test_an_error_is_one_message_without_a_traceback(capsys):
    assert main(["run", "digit"]) == 1
    said = capsys.readouterr()
    assert re.fullmatch(r"weft: Unknown recipe 'digit'\. Did you mean 'digits'( or '\w+')*\?\n", said.err) and said.out == ""
    assert main(["run", "digit", "--traceback"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_errors_that_nobody_wrote_for_the_reader_say_their_type():
    assert message(KeyError("x")) == "KeyError: 'x' (say --traceback to see where)"
    assert message(FileNotFoundError(2, "No such file or directory", "a")) == "No such file or directory: 'a'"
    assert message(ValueError("read this")) == "read this"


def test_warnings_are_notes_and_the_way_of_showing_them_is_given_back(capsys):
    before = warnings.showwarning
    assert main(["list", "recipe"]) == 0
    assert warnings.showwarning is before


def test_a_reader_that_stops_early_is_no_error():
    done = subprocess.run(f"{sys.executable} -m weft list | head -1", shell=True, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and done.stdout


def test_python_m_weft_and_the_version():
    import weft

    done = run("--version")
    assert done.returncode == 0 and done.stdout.strip() == f"weft {weft.__version__}"


def test_listing_imports_no_torch():
    code = "import sys; from weft.cli import main; assert main(['list']) == 0; assert 'torch' not in sys.modules, 'torch was imported'"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_system_error_is_said_without_its_number_and_a_slip_in_a_recipe_with_its_type():
    assert message(OSError(98, "Port 8000 is in use.")) == "Port 8000 is in use."
    assert message(ZeroDivisionError("division by zero")) == "ZeroDivisionError: division by zero (say --traceback to see where)"
