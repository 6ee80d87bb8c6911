"""TLS in front of a server, with an authority of its own, that asks whoever comes for a certificate."""

import asyncio
import ssl
import subprocess
import threading
from urllib.parse import urlsplit


class TlsFront:
    """`ca` is the authority's PEM file; `client` one with a certificate and its key that the front takes."""

    def __init__(self, url, folder):
        parts = urlsplit(url)
        self.to = (parts.hostname, parts.port)
        self.ca, self.client, own = folder / "ca.pem", folder / "client.pem", folder / "server.pem"
        openssl = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]

        def make(name, file, *more):
            key, certificate = folder / f"{file.stem}.key", folder / f"{file.stem}.crt"
            subprocess.run([*openssl, "-subj", f"/CN={name}", "-keyout", key, "-out", certificate, *more], check=True,
                           capture_output=True)
            file.write_text(certificate.read_text() + key.read_text())

        make("an authority", self.ca)
        issued = "-CA", self.ca, "-CAkey", self.ca, "-addext", "basicConstraints=CA:FALSE"
        make("127.0.0.1", own, *issued, "-addext", "subjectAltName=IP:127.0.0.1")
        make("a workstation", self.client, *issued)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own)
        context.load_verify_locations(self.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self.connection, "127.0.0.1", 0, ssl=context))
        self.url = f"https://127.0.0.1:{self.server.sockets[0].getsockname()[1]}{parts.path}"
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    async def connection(self, reader, writer):
        async def pump(source, sink):
            try:
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            except OSError:  # one of the two is gone
                pass
            sink.close()

        there, back = await asyncio.open_connection(*self.to)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    async def end(self):
        self.server.close()
        for one in asyncio.all_tasks() - {asyncio.current_task()}:
            one.cancel()

    def close(self):
        asyncio.run_coroutine_threadsafe(self.end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
