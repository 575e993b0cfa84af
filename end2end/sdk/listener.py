"""A small server on loopback that a provider calls back."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from simulator import eventually


class Heard:
    """A request."""

    def __init__(self, method, url, headers, body):
        self.method, self.url, self.headers = method, url, headers
        self.path = urlsplit(url).path
        form = headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        self.params = dict(parse_qsl(body.decode(), keep_blank_values=True)) if form else {}


class Listener:
    """The server; `replies` holds what it answers at a path, as content type and text. Elsewhere it answers 204."""

    def __init__(self, replies=()):
        self.replies, self.requests = dict(replies), []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                heard = Heard(self.command, f"{listener.base}{self.path}", self.headers, body)
                listener.requests.append(heard)
                kind, text = listener.replies.get(heard.path, (None, ""))
                self.send_response(200 if kind else 204)
                if kind:
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def heard(self, path, count=1):
        """What was asked for at `path`, once it is `count` requests."""

        def enough():
            found = [heard for heard in self.requests if heard.path == path]
            return found if len(found) >= count else None

        return eventually(enough)
