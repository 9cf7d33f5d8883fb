"""A web server that paints: the body of a request is a photograph, the answer a PNG file.

    python examples/web_server.py painting.jpg 8000
    curl --data-binary @photo.jpg http://127.0.0.1:8000/ -o out.png

One picture at a time, for this machine alone; `impasto studio` is the server with a queue, previews and a page.
"""

import io
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import impasto

LARGEST = 32 * 2**20  # bytes
painter = impasto.Painter()


class Paint(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if not 0 < length <= LARGEST:
            self.send_error(413)
            return
        try:
            photo = impasto.load_image(self.rfile.read(length))
            picture = painter.stylize(photo, sys.argv[1])
        except impasto.ImpastoError as error:
            self.send_error(400, explain=str(error))
            return
        data = io.BytesIO()
        picture.save(data, "PNG")
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(data.getvalue())


HTTPServer(("127.0.0.1", int(sys.argv[2])), Paint).serve_forever()
