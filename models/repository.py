"""Where the Triton model repository lies: beside the packages, in a checkout and in an installed wheel alike."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent / "triton_repo"


def model_dir(name: str) -> Path:
    """Folder of one model: its `config.pbtxt`, its version folders and its assets.

    Raises:
        FileNotFoundError: there is no such model.
    """
    directory = REPOSITORY / name
    if not directory.is_dir():
        raise FileNotFoundError(f"no model {name!r} in {REPOSITORY}")
    return directory
