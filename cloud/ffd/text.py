"""A text that a register prints."""

from cloud.cp866 import fits


def unprintable(what: str, text: str, longest: int) -> str:
    """What is wrong with a text that has to be there; empty if nothing is."""
    if not text.strip():
        return f"{what} is empty"
    if len(text) > longest:
        return f"{what} has {len(text)} characters, at most {longest} are allowed"
    return "" if fits(text) else f"{what} has characters that are not in code page 866"
