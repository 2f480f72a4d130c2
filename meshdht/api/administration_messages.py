"""What travels over the Unix socket when a network is administered: its devices,
invites, and who is out."""

from __future__ import annotations

from meshdht.api.device_messages import DeviceReply, DeviceRequest
from meshdht.api.invite_messages import InviteRequest, InvitesAnswer
from meshdht.api.removal_messages import RemovalReply, RemovalRequest

AdministrationRequest = DeviceRequest | InviteRequest | RemovalRequest
AdministrationReply = DeviceReply | InvitesAnswer | RemovalReply
