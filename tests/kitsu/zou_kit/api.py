"""A plain client of zou, for filling it and for the tests of what is filled. Nothing of the product is in it."""
import json
import urllib.error
import urllib.request
import uuid

from . import Problem


class Refused(Problem):
    def __init__(self, what, status, body):
        super().__init__(f"{what}: {status} {body[:1000].decode(errors='replace')}")
        self.status, self.body = status, body

    def json(self):
        return json.loads(self.body)


class Api:
    def __init__(self, url, token=None):
        self.url, self.token = url, token

    def raw(self, method, path, data=None, headers=None, token=None):
        """Returns (status, headers, bytes); any status."""
        request = urllib.request.Request(f"{self.url}/{path}", data, headers or {}, method=method)
        if token or self.token:
            request.add_header("Authorization", f"Bearer {token or self.token}")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read()

    def call(self, method, path, value=None, token=None):
        data = None if value is None else json.dumps(value).encode()
        status, _, body = self.raw(method, path, data, {"Content-Type": "application/json"} if data else {}, token)
        if status >= 400:
            raise Refused(f"{method} {path}", status, body)
        return json.loads(body) if body else None

    def get(self, path, token=None):
        return self.call("GET", path, token=token)

    def post(self, path, value, token=None):
        return self.call("POST", path, value, token)

    def put(self, path, value, token=None):
        return self.call("PUT", path, value, token)

    def upload(self, path, name, content):
        edge = uuid.uuid4().hex
        body = (f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n").encode() + content + f"\r\n--{edge}--\r\n".encode()
        status, _, answer = self.raw("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={edge}"})
        if status >= 400:
            raise Refused(f"POST {path}", status, answer)
        return json.loads(answer)

    def log_in(self, email, password):
        answer = self.post("auth/login", {"email": email, "password": password})
        self.token = answer["access_token"]
        return answer
