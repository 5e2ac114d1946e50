"""The rooms import downwards only, as the architecture page draws them."""

import ast
import graphlib
import re

from tests.source_code import PACKAGE, nodes

PAGE = PACKAGE.parent / "docs" / "architecture.md"


def floors() -> dict[str, int]:
    """Floor of every room and top-level module, from the table of the architecture page."""
    found: dict[str, int] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        row = re.match(r"\| (\d+) \| (.*?) \|", line)
        if row:
            for name in re.findall(r"`(\w+)(?:\.py|/)`", row[2]):
                found[name] = int(row[1])
    return found


def imports() -> dict[str, set[tuple[str, str]]]:
    """Rooms that each room imports, with the file that does; imports within functions count."""
    found: dict[str, set[tuple[str, str]]] = {}
    for file, of_file in nodes().items():
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        used = found.setdefault(parts[0], set())
        for node in of_file:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lymphokin"):
                path = (node.module or "").split(".")[1:]
                for room in path[:1] or [alias.name for alias in node.names]:
                    if room != parts[0]:
                        used.add((room, str(file.relative_to(PACKAGE))))
    return found


def test_every_room_stands_on_a_floor_of_the_architecture_page():
    rooms = {p.name for p in PACKAGE.iterdir() if p.is_dir() and not p.name.startswith("_")}
    modules = {p.stem for p in PACKAGE.glob("*.py")}
    assert rooms | modules == set(floors())


def test_imports_run_down_and_there_is_no_circle():
    height = floors()
    up = [
        f"{file} imports {room}"
        for name, used in imports().items()
        for room, file in used
        if name != "__init__" and height[room] > height[name]
    ]
    assert not up
    graph = {name: {room for room, _ in used} for name, used in imports().items()}
    graph.pop("__init__")
    graphlib.TopologicalSorter(graph).prepare()


def test_nothing_outside_run_knows_the_files_of_a_run_folder():
    names = {"posterior.nc", "provenance.json"}
    for file, of_file in nodes().items():
        if file.parent.name == "run":
            continue
        strings = {
            node.value
            for node in of_file
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not strings & names, file


OPTIONS_OF_OTHERS = {"jax_setup.py", "provenance.py", "prior.py", "record.py"}
"""Files that name options of XLA and git, or the command that made a generated file."""


def test_no_library_message_names_an_option_of_the_command_line():
    for file, of_file in nodes().items():
        if "commands" in file.parts or file.name in OPTIONS_OF_OTHERS | {"cli.py"}:
            continue
        prose = {id(node.value) for node in of_file if isinstance(node, ast.Expr)}
        for node in of_file:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named = re.search(r"(?<![\w-])--[a-z]", node.value)
                assert id(node) in prose or not named, f"{file}, line {node.lineno}"
