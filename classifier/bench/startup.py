"""What a start costs, measured in a process of its own: `python -m classifier.bench.startup FOLDER`."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_TEXTS = ["Profit fell and the company cut its outlook for the year"] * 64 + ["公司净利润同比下降，股价大跌"] * 64


def start(folder: Path) -> dict[str, Any]:
    """Return seconds to the first answer and resident MB after a batch, of a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "classifier.bench.startup", str(folder)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(folder: Path) -> None:
    """Load a model, judge, and print what it took."""
    started_s = time.perf_counter()
    from classifier.inference import load

    model = load(folder)
    model.classify(_TEXTS[:1], ["en"], [()])
    ready_s = time.perf_counter() - started_s
    model.classify(_TEXTS, ["en"] * 64 + ["zh"] * 64, [()] * len(_TEXTS))
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) if sys.platform == "linux" else 0
    sys.stdout.write(json.dumps({"start_s": round(ready_s, 2), "resident_mb": pages * 4096 // 2**20}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
