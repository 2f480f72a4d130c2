"""What travels about links: questions, answers, and what a newer daemon may add."""

from __future__ import annotations

import msgspec

from meshdht.api.link_messages import GetLinks, Link, LinksReply
from meshdht.api.messages import decode_reply, decode_request, encode_line
from tests.api.fake_looks import LINKS


def test_question_and_answer_survive_their_lines() -> None:
    assert decode_request(encode_line(GetLinks())) == GetLinks()
    assert decode_reply(encode_line(LinksReply(LINKS))) == LinksReply(LINKS)


def test_a_reader_passes_over_what_it_does_not_know() -> None:
    line = b'{"ends":["a","b"],"ids":["1","2"],"kind":"lan","colour":"red"}'
    assert msgspec.json.decode(line, type=Link) == Link(ends=("a", "b"), ids=("1", "2"), kind="lan")
