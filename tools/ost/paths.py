"""Where things are in this repository."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / ".aws-sam" / "build"
STATE = ROOT / ".local"
BIN = Path(sys.executable).parent


def inherited_environment() -> dict[str, str]:
    """Return the environment for programs that are started: the venv's own programs come first on PATH."""
    inherited = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    return inherited | {
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "SAM_CLI_TELEMETRY": "0",
    }
