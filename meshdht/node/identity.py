"""Who a device is, and in which network."""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId, NetworkId, SigningKey, WireGuardPrivateKey
from meshdht.membership.generations import Generation


@dataclass(frozen=True, slots=True)
class Identity:
    """All the secrets of one device in one network."""

    signing: SigningKey
    wireguard: WireGuardPrivateKey
    network: NetworkId
    generation: Generation

    @property
    def device(self) -> DeviceId:
        return self.signing.public.device_id
