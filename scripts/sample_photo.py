"""Write a photo to try FEALLM on: `python scripts/sample_photo.py OUT.png`.

The photo is scikit-image's `data.astronaut()`: Eileen Collins, photographed by NASA, in the public domain.
"""

import sys
from pathlib import Path


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("usage: python scripts/sample_photo.py OUT.png", file=sys.stderr)
        return 2
    try:
        from skimage import data
    except ImportError:
        print("the photo comes with scikit-image: pip install 'feallm[demo]'", file=sys.stderr)
        return 1
    from PIL import Image

    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(data.astronaut()).save(path, format="PNG")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
