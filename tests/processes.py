"""What tests ask about processes that they started."""

import os
import time
from pathlib import Path


def gone(pid: int, seconds: float = 20) -> bool:
    """Whether a process has ended, or ends before the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            stat = Path(f"/proc/{pid}/stat")
            if stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True  # ended; whoever adopted it has not asked for its status yet
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False
