"""A mail server for tests: aiosmtpd on 127.0.0.1, which prints one JSON object a line.

The first line says where it listens; each further line is a mail that it took, or an attempt that it turned away.
"""

import argparse
import asyncio
import email
import email.policy
import json
import ssl

import trustme
from aiosmtpd.smtp import SMTP, AuthResult


def tell(**what):
    print(json.dumps(what), flush=True)


class Handler:
    def __init__(self, refuse, busy):
        self.refuse, self.busy = refuse, busy

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.busy > 0:
            self.busy -= 1
            tell(turned_away=address)
            return "451 4.3.2 busy, come back later"
        if self.refuse:
            tell(turned_away=address)
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text, html = mail.get_body(("plain",)), mail.get_body(("html",))
        tell(
            sender=envelope.mail_from,
            recipients=envelope.rcpt_tos,
            headers=[[name, str(value)] for name, value in mail.items()],
            text=text and text.get_content(),
            html=html and html.get_content(),
            is_encrypted=session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None,
            is_authenticated=bool(session.authenticated),
        )
        return "250 taken"


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", choices=["none", "start", "wrap"], default="none")
    parser.add_argument("--ca", help="where to put the certificate authority")
    parser.add_argument("--login", help="user:password that clients must show")
    parser.add_argument("--refuse", help="what every recipient is answered")
    parser.add_argument("--busy", type=int, default=0, help="how many recipients to turn away for now")
    chosen = parser.parse_args()

    context = None
    if chosen.tls != "none":
        authority = trustme.CA()
        authority.cert_pem.write_to_path(chosen.ca)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(context)

    def is_right(server, session, envelope, mechanism, data):
        shown = f"{data.login.decode()}:{data.password.decode()}"
        return AuthResult(success=shown == chosen.login, handled=False)

    handler = Handler(chosen.refuse, chosen.busy)

    def serve():
        return SMTP(
            handler,
            hostname="localhost",
            tls_context=context if chosen.tls == "start" else None,
            require_starttls=chosen.tls == "start",
            authenticator=is_right if chosen.login else None,
            auth_required=bool(chosen.login),
            auth_require_tls=chosen.tls == "start",
        )

    loop = asyncio.get_running_loop()
    wrap = context if chosen.tls == "wrap" else None
    server = await loop.create_server(serve, "127.0.0.1", chosen.port, ssl=wrap)
    tell(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
