"""What travels over the Unix socket when a network is administered: its devices, and who is out."""

from __future__ import annotations

from meshdht.api.device_messages import DeviceReply, DeviceRequest
from meshdht.api.removal_messages import RemovalReply, RemovalRequest

AdministrationRequest = DeviceRequest | RemovalRequest
AdministrationReply = DeviceReply | RemovalReply
