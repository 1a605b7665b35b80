"""Copy the embedded broker's jars and its Java into a build folder: `collect.py FOLDER`.

Run from the repository's root by images.sh; it builds nothing itself.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from infra.jars import resolve
from infra.java import find


def collect(folder: Path) -> None:
    """Put the jars into `folder/libs` and the Java runtime into `folder/java`."""
    (folder / "libs").mkdir(parents=True)
    for jar in resolve():
        shutil.copy2(jar, folder / "libs" / jar.name)
    home = find().path.resolve().parent.parent  # .../bin/java
    shutil.copytree(home, folder / "java")


if __name__ == "__main__":
    collect(Path(sys.argv[1]))
