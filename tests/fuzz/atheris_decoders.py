"""Coverage-guided fuzzing of every decoder, on demand, until stopped:

    python -m tests.fuzz.atheris_decoders [-max_total_time=60] [corpus directory]

The first byte of an input chooses the decoder. atheris is no dependency: pip install atheris.
"""

from __future__ import annotations

import contextlib
import importlib
import sys


def main() -> int:
    """Runs until a decoder raises what it must not, or libFuzzer's limits are reached."""
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        print("atheris is missing: pip install atheris (it needs clang's libFuzzer)")
        return 2
    with atheris.instrument_imports(include=["meshdht"]):
        decoders = importlib.import_module("tests.fuzz.decoders").DECODERS
    names = sorted(decoders)

    def one_input(data: bytes) -> None:
        if data:
            decoder = decoders[names[data[0] % len(names)]]
            with contextlib.suppress(decoder.error):
                decoder.decode(data[1:])

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
