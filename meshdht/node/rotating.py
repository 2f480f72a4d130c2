"""How an admin begins another generation of the network secret."""

from __future__ import annotations

from meshdht.errors import StateError
from meshdht.membership.administration import RekeyBody
from meshdht.membership.generations import Generation
from meshdht.membership.statements import sign_statement
from meshdht.node.node import Node


async def rotate(node: Node) -> Generation:
    """Draw a secret, write it down, then the statement that names it: all go over to it.

    Returns once it is on disk and told to the connected devices. Raises StateError if this device
    is no admin, or the disk refuses; nothing has happened then.
    """
    own = node.own
    if own is None or not own.admin:
        raise StateError(
            "this device is not an admin of the network", "an admin's device can rotate"
        )
    generation = await node.draw_generation()
    log, identity = node.holdings.log, node.identity
    statement = sign_statement(
        RekeyBody(generation.number, generation.commitment(identity.network)),
        network=identity.network,
        author=identity.signing,
        parents=log.parents_for(own.admission),
        unix_ms=int(node.time.unix() * 1000),
    )
    await node.write_down(statement)
    return generation
