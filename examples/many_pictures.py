"""Many photographs in one style, with networks that are loaded once.

    python examples/many_pictures.py painting.jpg painted/ photos/*.jpg

`impasto batch` does the same from the command line, and skips what is there already.
"""

import sys
from pathlib import Path

import impasto

painting, folder, *photos = sys.argv[1:]
painter = impasto.Painter()
Path(folder).mkdir(parents=True, exist_ok=True)
for photo in photos:
    result = Path(folder) / f"{Path(photo).stem}.png"
    try:
        painter.stylize(photo, painting).save(result)
    except impasto.ImpastoError as error:  # one bad file does not end the others
        print(f"{photo}: {error}", file=sys.stderr)
        continue
    print(result)
