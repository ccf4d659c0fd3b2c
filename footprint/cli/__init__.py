"""The command line, one file per command.

Exit codes: 0 done; 1 findings (or `--check` would change something); 2 bad input, one clear line on stderr. `footprint run`
passes on its command's own code; see `cli/run.py`.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from footprint.errors import FootprintError

BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
_STOPPED: Final = "Query interrupted"
"""What DuckDB makes of a Ctrl-C while it works."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code; the console script."""
    sys.exit(call(sys.argv[1:] if argv is None else list(argv)))


def call(argv: Sequence[str]) -> int:
    """Run one command and return its exit code. Errors of ours and of usage become one line on stderr."""
    if sys.stdout is None:  # closed by whoever started us; no descriptor is taken in its stead, it may be a command's of `run`
        sys.stdout = io.StringIO()
    try:
        code = _call(argv)
        sys.stdout.flush()
    except FootprintError as error:
        return _complain(f"footprint: {error}")
    except BrokenPipeError:  # whoever read our output has gone (`| head`)
        _say_no_more()
        return 0
    except OSError as error:  # what no command foresaw: the disk behind our output is full, say
        _say_no_more()
        return _complain(f"footprint: {error.filename or 'output'}: {error.strerror or error}")
    return code


def _call(argv: Sequence[str]) -> int:
    import typer

    from footprint.cli.app import app

    # typer carries a click of its own in some versions and takes the package in others: ask it for the class that it raises.
    usage_error: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
    try:
        result = app(args=list(argv), prog_name="footprint", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit as left:  # what click makes of a reader who has gone, which is no finding
        if isinstance(left.__context__, BrokenPipeError):
            raise left.__context__ from None
        raise
    except usage_error as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: its help is the answer, as it stands
            print(error.format_message(), file=sys.stderr)  # type: ignore[attr-defined]  # click's own classes have it
            return BAD_INPUT
        return _complain(_usage(error, argv))
    except RuntimeError as error:
        if str(error) != _STOPPED:
            raise
        return INTERRUPTED
    return result if isinstance(result, int) else 0


def _say_no_more() -> None:
    """Let what is still unsaid go nowhere, so that the interpreter does not fail on it again at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: BaseException, argv: Sequence[str]) -> str:
    """What click says of a wrong use, with the command that it happened in."""
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else _command_of(argv)
    return f"{where}: {error.format_message()} (see {where} --help)"  # type: ignore[attr-defined]  # click's own classes have it


def _command_of(argv: Sequence[str]) -> str:
    """The command that words begin with: click does not say where an option lacks its value."""
    import typer.main

    from footprint.cli.app import app

    path, current = ["footprint"], typer.main.get_command(app)
    for word in argv:
        found = getattr(current, "commands", {}).get(word)
        if found is None:
            break
        path.append(word)
        current = found
    return " ".join(path)


def _complain(message: str) -> int:
    # One line, whatever a name within it contains.
    print(" ".join(message.split()), file=sys.stderr)
    return BAD_INPUT
