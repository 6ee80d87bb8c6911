"""What the groups of bench/compare share."""
import statistics
import sys


def say(text):
    """A line for the person who waits; figures go to standard output."""
    print("bench: " + text, file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values) if values else None
