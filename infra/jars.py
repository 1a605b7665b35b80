"""Kafka's jars: fetched once from Maven by jgo, checked against the committed checksums, kept.

The folder `<cache>/kafka-<version>-<digest of the checksums>` appears whole, by one rename, or not
at all; processes that want it at the same time wait for one of them. It is not an installation of
Kafka: there are no scripts and no configuration in it.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

VERSION = "4.3.1"
COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{VERSION}",
    f"org.apache.kafka:kafka-clients:{VERSION}",  # named, or the resolver picks 3.9.1
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.2",
)
CHECKSUMS = Path(__file__).parent / "kafka" / "jars.sha256"  # `sha256sum` lines: digest, file name
ATTEMPTS = 3

Progress = Callable[[str, int, int], None]
"""Told of a step, how much of it is done and how much there is (0 when that is not known)."""


def silent(step: str, done: int, total: int) -> None:
    """Report progress to nobody."""


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where downloads are kept: SEGUE_CACHE, else `segue` in the user's cache folder."""
    if asked := environ.get("SEGUE_CACHE"):
        return Path(asked).absolute()
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "segue"


def expected() -> dict[str, str]:
    """Return the sha256 of each jar by file name."""
    lines = CHECKSUMS.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def resolve(progress: Progress = silent, cache: Path | None = None) -> list[Path]:
    """Return the jars of the class path, fetching those that are not there.

    Raises OSError when they cannot be fetched or kept, and when what came is not what was expected.
    """
    digests = expected()
    mark = hashlib.sha256(CHECKSUMS.read_bytes()).hexdigest()[:12]
    folder = (cache or cache_folder()) / f"kafka-{VERSION}-{mark}"
    if not _whole(folder, digests):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.parent / "jars.lock"):
            if not _whole(folder, digests):
                _fetch(folder, digests, progress)
    return [folder / name for name in digests]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole(folder: Path, digests: dict[str, str]) -> bool:
    """Whether every jar is there and undamaged: hashing 42 MB takes a twentieth of a second."""
    try:
        return all(_sha256(folder / name) == digest for name, digest in digests.items())
    except FileNotFoundError:
        return False


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the system if this process dies
        yield


def _fetch(folder: Path, digests: dict[str, str], progress: Progress) -> None:
    for left in folder.parent.glob("fetching-*"):  # by a process that died: we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    for attempt in range(1, ATTEMPTS + 1):
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=folder.parent) as staging:
            try:
                _download(Path(staging), digests, progress)
            except (OSError, RuntimeError) as err:  # requests raises OSErrors, jgo RuntimeErrors
                if attempt < ATTEMPTS:
                    logger.warning("fetching Kafka's jars, attempt %d: %s", attempt, err)
                    continue
                raise OSError(
                    f"Kafka {VERSION} could not be fetched in {ATTEMPTS} attempts ({err}); check "
                    "the network, set SEGUE_MAVEN to a mirror of Maven Central, or use a broker "
                    "that exists with --bootstrap HOST:PORT"
                ) from err
            shutil.rmtree(folder, ignore_errors=True)  # damaged, or this would not be happening
            (Path(staging) / "jars").rename(folder)
            logger.info("Kafka %s is in %s", VERSION, folder)
            return


def _download(staging: Path, digests: dict[str, str], progress: Progress) -> None:
    """Fill `staging/jars`. jgo writes in place, so a staging folder is used for one attempt."""
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext
    from jgo.parse import Coordinate

    progress(f"find what Kafka {VERSION} needs", 0, 0)
    maven = MavenContext(
        repo_cache=staging / "repository",
        local_repos=[],
        remote_repos={"central": os.environ.get("SEGUE_MAVEN") or MAVEN_CENTRAL_URL},
        timeout=30,
    )
    wanted = [maven.create_dependency(Coordinate.parse(text)) for text in COORDINATES]
    given, others = maven.resolver.resolve(wanted)
    artifacts = [d.artifact for d in (*given, *others) if d.scope in (None, "compile", "runtime")]
    names = {artifact.filename for artifact in artifacts}
    if names != digests.keys():
        raise RuntimeError(f"Maven names other jars: {sorted(names ^ digests.keys())}")
    (staging / "jars").mkdir()
    for done, artifact in enumerate(artifacts, start=1):
        jar = Path(artifact.resolve()).rename(staging / "jars" / artifact.filename)
        if (digest := _sha256(jar)) != digests[jar.name]:
            raise RuntimeError(f"{jar.name} has sha256 {digest}, expected {digests[jar.name]}")
        progress(f"fetch Kafka {VERSION}", done, len(artifacts))
