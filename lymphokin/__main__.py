"""Starts the command line; the rest is imported where Ctrl-C is already expected."""

from lymphokin.interrupt import leave, listen


def main() -> None:
    """Entry point of ``lymphokin``."""
    listen()
    try:
        from lymphokin.cli import main as command_line

        command_line()
    finally:
        leave()


if __name__ == "__main__":
    main()
