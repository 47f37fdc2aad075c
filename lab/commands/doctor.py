"""`doctor`: what this computer has."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from lab.commands import quiet
from lab.terminal import show_json, show_table


def declare(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    from lab.doctor import examine

    quiet()
    findings = examine()
    if options.json:
        show_json([asdict(finding) for finding in findings])
    else:
        rows = ((finding.name, "ok" if finding.ok else "look", finding.said) for finding in findings)
        show_table("This computer", ("what", "", "found"), rows)
    return 0 if all(finding.ok or finding.optional for finding in findings) else 1
