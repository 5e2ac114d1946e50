"""`lymphokin serve`: the clinician's page, on this machine only."""

from __future__ import annotations

import socket
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from lymphokin.commands.options import ModelFile

ADDRESS = "127.0.0.1"


def serve(
    run: Annotated[
        Path | None, typer.Argument(help="Run folder of a fit; default: published cohorts.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8080,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the browser.")] = False,
    audit_log: Annotated[
        Path | None,
        typer.Option(
            help="Append every question and answer to this file; without it none is kept."
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="Model used without a run: after published cohorts, if calibrated.")
    ] = "myeloid_lymphoid",
    model_file: ModelFile = [],  # noqa: B006
) -> None:
    """A page for one patient: move fractions and pulses of drugs, see the risk change.

    It answers to this machine only, and stores nothing unless --audit-log says so. Stop it with
    Ctrl-C.

    Example: lymphokin serve runs/trial
    """
    import uvicorn
    from rich.console import Console
    from threadpoolctl import threadpool_limits

    from lymphokin.model import load_model, shipped_models
    from lymphokin.web.app import make_app
    from lymphokin.web.connections import server_config
    from lymphokin.whatif.audit import AuditLog
    from lymphokin.whatif.population import literature_populations, population_draws

    fit = None
    if run is not None:
        from lymphokin.run import open_run

        fit = open_run(run, model_file)
        fit.require_draws(f"a risk from {run}")
    elif model not in shipped_models():
        load_model(model)  # what is wrong with a file of one's own is said before there is a page
    threadpool_limits(1, user_api="blas")  # small matrices: threads cost more than they gain
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((ADDRESS, port))
        except OSError:
            raise ValueError(f"port {port} is in use: choose another --port, or 0") from None
        port = bound.getsockname()[1]
        hosts = frozenset(f"{name}:{port}" for name in (ADDRESS, "localhost"))
        log = None if audit_log is None else AuditLog(audit_log)
        app = make_app(
            lambda: population_draws(None if fit is None else fit.population, model),
            hosts,
            log=log,
            load_others=literature_populations,
        )
        url = f"http://{ADDRESS}:{port}/"
        Console(stderr=True).print(f"The page: {url}  (Ctrl-C stops it). Research use only.")
        if not no_open:
            webbrowser.open(url)
        bound.listen(64)
        uvicorn.Server(server_config(app)).run(sockets=[bound])
