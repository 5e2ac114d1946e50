"""The command line: argument parsing and pages only, no science.

Exit codes: 0 fine, 1 failed, 2 bad input, 130 stopped with Ctrl-C. Bad input, a full disk and the
like get one message, and nothing half-written is left.
"""

from __future__ import annotations

import errno
import os
import sys

import typer
from rich.console import Console

from lymphokin.commands import audit, data, site
from lymphokin.commands.calibrate import calibrate
from lymphokin.commands.check import check
from lymphokin.commands.compare import compare
from lymphokin.commands.dose import dose
from lymphokin.commands.fit import demo, fit
from lymphokin.commands.models import models
from lymphokin.commands.pool import pool
from lymphokin.commands.predict import predict
from lymphokin.commands.report import report
from lymphokin.commands.serve import serve
from lymphokin.commands.simulate import simulate
from lymphokin.commands.spread import spread
from lymphokin.commands.trial import app as trial
from lymphokin.commands.update import update
from lymphokin.commands.validate import validate
from lymphokin.commands.what_if import whatif
from lymphokin.interrupt import STOPPED, asked
from lymphokin.jax_setup import prepare_jax


def _command_line() -> typer.Typer:
    """Every command and group of commands."""
    made = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        help="Lymphocyte kinetics under radiotherapy and drugs: each patient's risk of "
        "lymphopenia. Research use only.",
    )
    for command in (
        *(demo, fit, predict, whatif, serve, report, check, compare, validate, update, pool),
        *(simulate, calibrate, spread, models, dose),
    ):
        made.command()(command)
    for group, name in (
        (trial, "trial"),
        (data.app, "data"),
        (audit.app, "audit"),
        (site.app, "site"),
    ):
        made.add_typer(group, name=name)
    return made


app: typer.Typer = _command_line()
console: Console = Console(stderr=True)


OF_NAMES = {
    *(errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY),
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP),
}
"""Errors of the system that another file or folder would not have: bad input."""


def main() -> None:
    """Run a command, and turn what went wrong into one message and an exit code."""
    prepare_jax()
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except typer.Exit as done:
        code = done.exit_code
    except KeyboardInterrupt:
        code = STOPPED
    except Exception as error:
        code = STOPPED if asked() else _explain(error)
    _drop_what_cannot_be_printed()
    sys.exit(code if isinstance(code, int) else 0)


def _drop_what_cannot_be_printed() -> None:
    """What a full disk or a closed pipe did not take is not tried again while Python ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(error: Exception) -> int:
    """Print an error and return the exit code: 2 for bad input, 1 otherwise."""
    if isinstance(error, typer.Abort):
        return 1
    if hasattr(error, "format_message"):
        console.print(error.format_message(), style="red", markup=False)  # type: ignore[attr-defined]
        return 2
    if isinstance(error, OSError) and error.strerror:
        what = f"{error.filename}: " if error.filename else ""
        console.print(f"{what}{error.strerror}", style="red", markup=False, soft_wrap=True)
        return 2 if error.errno in OF_NAMES else 1
    from lymphokin.infer.fit_error import FitError
    from lymphokin.io import BadInput

    if isinstance(error, FitError | ChildProcessError):
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    if isinstance(error, BadInput | ValueError | FileNotFoundError | FileExistsError):
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        if hasattr(error, "files"):
            for path in error.files[:1]:  # type: ignore[attr-defined]
                console.print(f"To run it: --model-file {path}", style="red", soft_wrap=True)
        if isinstance(error, BadInput) and any(p.check for p in error.problems):
            name = next(p.check for p in error.problems if p.check)
            console.print(f'To accept what is right: --accept {name}="why it is right"',
                          style="red", markup=False, soft_wrap=True)  # fmt: skip
        return 2
    console.print_exception()
    return 1
