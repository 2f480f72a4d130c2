"""What travels over the Unix socket when a network is administered: its devices, invites, who waits
to come in, who is out, and what was done to it."""

from __future__ import annotations

from meshdht.api.approval_messages import ApprovalReply, ApprovalRequest
from meshdht.api.device_messages import DeviceReply, DeviceRequest
from meshdht.api.invite_messages import InviteRequest, InvitesAnswer
from meshdht.api.log_messages import GetLog, LogReply
from meshdht.api.name_messages import NameReply, NameRequest
from meshdht.api.removal_messages import RemovalReply, RemovalRequest
from meshdht.api.whois_messages import KnownReply, WhoIs

LookUp = GetLog | WhoIs
MemberChange = InviteRequest | ApprovalRequest | RemovalRequest
AdministrationRequest = DeviceRequest | NameRequest | MemberChange | LookUp
LookUpReply = LogReply | KnownReply
MemberChangeReply = InvitesAnswer | ApprovalReply | RemovalReply
AdministrationReply = DeviceReply | NameReply | MemberChangeReply | LookUpReply
