"""Codes and tokens that zou accepts, made without it: JSON web tokens of any age, and one-time codes."""
import base64
import hashlib
import hmac
import json
import struct
import time
import uuid


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims, secret):
    """A JSON web token signed with HS256 (RFC 7515, RFC 7519)."""
    head = _base64url(b'{"alg":"HS256","typ":"JWT"}')
    text = f"{head}.{_base64url(json.dumps(claims, separators=(',', ':')).encode())}"
    return f"{text}.{_base64url(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


def access_token(secret, person_id, issued_at, lifetime, kind="access"):
    """A person's token; `issued_at` and `lifetime` are seconds."""
    refresh = str(uuid.uuid4())
    claims = {"fresh": False, "iat": int(issued_at), "jti": str(uuid.uuid4()), "type": kind, "sub": person_id,
              "nbf": int(issued_at), "exp": int(issued_at + lifetime), "identity_type": "person",
              "requires_2fa_setup": False}
    if kind == "access":
        claims["refresh_jti"] = refresh
    return signed(claims, secret)


def totp(secret, at=None):
    """The six digits of an authenticator (RFC 6238, SHA-1, 30 seconds)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    step = struct.pack(">Q", int((time.time() if at is None else at) // 30))
    digest = hmac.new(key, step, hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"
