"""A provider's DNS server: one address for every name, but none under .internal. It prints what it
was asked for.

    python -m tests.lab.name_server ADDRESS
"""

from __future__ import annotations

import socket
import sys

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

KNOWN = "192.0.2.80"


def told(query: dns.message.Message) -> dns.message.Message:
    answer = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    if question.name.to_text().lower().endswith("internal."):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype == dns.rdatatype.A:
        answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", KNOWN))
    return answer


def main(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 53))
        print("ready", flush=True)
        while True:
            datagram, client = server.recvfrom(4096)
            query = dns.message.from_wire(datagram)
            print(query.question[0].name, flush=True)
            server.sendto(told(query).to_wire(), client)


if __name__ == "__main__":
    main(sys.argv[1])
