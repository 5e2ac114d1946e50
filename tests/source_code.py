"""The package's own code, parsed once for all tests that read it."""

import ast
from functools import cache
from pathlib import Path

import lymphokin

PACKAGE = Path(lymphokin.__file__).parent


@cache
def nodes() -> dict[Path, tuple[ast.AST, ...]]:
    """All nodes of the syntax tree of each file of the package."""
    return {
        file: tuple(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        for file in sorted(PACKAGE.rglob("*.py"))
    }
