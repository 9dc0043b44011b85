"""Write a folder as a zip, the same bytes each time: `python infra/zip.py FOLDER FILE`."""

import sys
import zipfile
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
READABLE = 0o100644


def main(folder: Path, target: Path) -> None:
    """Write all files below a folder, in the order of their names."""
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for each in files:
            entry = zipfile.ZipInfo(each.relative_to(folder).as_posix(), EPOCH)
            entry.external_attr = READABLE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, each.read_bytes())
    size = target.stat().st_size / 2**20
    print(f"{len(files)} files, {size:.1f} MiB", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
