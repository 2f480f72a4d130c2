"""Every cap on what a stranger, a member or a file can make grow, beside the attack it stops."""

from __future__ import annotations

# --- control channel ---
# A spoofed source costs one entry each: without a cap, memory is the attacker's to spend.
MAX_LEARNED_TOKENS = 4096
# A recorded packet sent again is dropped while its nonce is remembered; at a packet a second,
# half a day. Handlers are idempotent, so an older replay changes nothing.
MAX_REMEMBERED_NONCES = 32_768
# A device whose clock is a day off is still heard (boards without a clock battery exist);
# what was recorded earlier than that is not.
CLOCK_WINDOW_S = 26 * 3600
# Members whose clocks are compared with ours: as many as a device keeps paths to.
CLOCK_VOICES_MAX = 512
# Addresses that speak another version of the protocol: whoever has the packet key can make them up.
OTHER_VERSIONS_MAX = 16

# --- WireGuard -----------------------------------------------------------------------------
# Packets that wait for one peer's handshake; the oldest go first. Stops a peer that never
# answers, and whoever sends to its address, from filling memory.
WIREGUARD_STAGED_PACKETS = 128
# Peers of one device: bounds the tables that a huge membership log could make grow.
WIREGUARD_PEERS = 4096
# Handshake messages with a valid mac1 that are worked on without a cookie. One costs 0.3 ms of
# X25519, so that replayed or forged ones of an insider could otherwise take a whole core.
WIREGUARD_HANDSHAKES_PER_SECOND = 50.0
WIREGUARD_HANDSHAKE_BURST = 100.0
# The same from one source that has proved its address by a cookie.
WIREGUARD_SOURCE_PER_SECOND = 20.0
WIREGUARD_SOURCE_BURST = 5.0
# Sources whose rate is remembered: a flood from many addresses must not fill memory.
WIREGUARD_HANDSHAKE_SOURCES = 4096
# Initiations of one peer that follow faster than this are dropped: each would cost us a session.
WIREGUARD_INITIATION_SPACING_S = 0.05

# --- paths ---
# A peer that names thousands of endpoints would have us probe thousands of strangers.
MAX_PAIRS_PER_PEER = 16
# Of these at one address, on ports that have not answered: to name all ports of a stranger is
# to aim at it.
MAX_UNPROVED_PORTS = 4
# Probes to where no peer has answered yet: to one address, for one peer, and in all. A household
# of twenty devices behind one address starts within the burst; a stranger that all members name
# gets a few hundred bytes a second from each of us.
UNPROVED_HOST_PER_S = 2.0
UNPROVED_HOST_BURST = 100.0
UNPROVED_PEER_PER_S = 2.0
UNPROVED_PEER_BURST = 100.0
UNPROVED_PER_S = 50.0
UNPROVED_BURST = 1000.0
MAX_OUTSTANDING_PROBES = 64
# What a peer says of the release that it runs is kept and shown; it has to fit a probe as well.
RELEASE_MAX = 20
# How long a peer may ask us to be silent: it cannot keep us from proving our paths.
MAX_SILENCE_S = 400
# Observations of our own address: a peer has one voice for each address family.
MAX_OBSERVERS = 256
# Addresses whose text is read already: whoever sends from many must not fill memory.
ADDRESSES_REMEMBERED = 4096
MAX_REFLEXIVE = 4

# --- links among members ---------------------------------------------------------------------
# Links that one member tells of itself: what fits a datagram. Whoever says more is not believed.
LINKS_TOLD = 45
# Members that are asked for theirs in one go.
LINKS_ASKED = 64
# An answer has up to ten times the bytes of its question, and goes to a validated address alone: to
# one member so often, and so often to all.
LINKS_MEMBER_PER_S = 1.0
LINKS_MEMBER_BURST = 5.0
LINKS_PER_S = 20.0
LINKS_BURST = 100.0

# --- NAT behaviour, and how hard meets easy -------------------------------------------------
# A member may have us probe it, or another device probe it, from where it was not sent to: each
# such request sends one or two datagrams no larger than itself, to where it came from. A device
# that starts asks about each peer that it is to meet; a household has several.
NAT_REQUESTS_PER_S = 2.0
NAT_REQUESTS_BURST = 60.0
# Sockets that are open for such requests at one time.
NAT_SOCKETS = 8
# How hard meets easy (paths/birthday.py), from the hard side: sockets that are opened at one time,
# each of which sends one datagram to each peer that is to be met, and such datagrams in any
# BIRTHDAY_WINDOW_S. Each takes an entry of our NAT for about that long; a router at home has some
# thousands, a provider may give a customer no more than two, and all that it does needs some.
BIRTHDAY_SOCKETS = 256
BIRTHDAY_ENTRIES_HARD = 2048
# From the easy side: datagrams that one attempt sends to one address, 250 bytes each, and such
# datagrams in any BIRTHDAY_WINDOW_S, each of which takes an entry of our NAT. A member that claims
# another's address for its own could have us send them there: so it must be seen there by others,
# whom we ask ourselves. Where one alone says so, half as many: two members that lie gain less than
# they could send. One attempt at a time to one address. After a failure half an hour passes for
# that peer and that address, after the first half a minute: 280 bytes a second on average.
BIRTHDAY_TRIES = 2048
BIRTHDAY_TRIES_ONE_WITNESS = 1024
BIRTHDAY_ENTRIES_EASY = 3072
# NATs forget what was not answered within this (nf_conntrack_udp_timeout).
BIRTHDAY_WINDOW_S = 30.0
# How fast, on either side: to one peer, and to all together. 2.2 Mbit/s, for a second or two.
BIRTHDAY_PEER_PER_S = 500.0
BIRTHDAY_PER_S = 1000.0
# Peers that are met so at one time: each is a task, and a share of the above.
BIRTHDAY_PEERS = 32
# Other UDP sockets than the one port, in all: those of attempts, those that met, those lent.
LEGS_MAX = 384
# Members that are asked where they see a device.
WITNESSES = 5
# Peers and addresses whose last attempt is remembered.
BIRTHDAY_REMEMBERED = 1024

# --- neighbourhood -------------------------------------------------------------------------
# Up to here every device keeps a path to every other; beyond, to a few of them. A member that
# admits devices by the thousand would otherwise have everybody probe them all.
FULL_MESH_DEVICES = 50
# Peers beyond the neighbourhood that somebody wants to reach: users and programs, but also
# whoever makes WireGuard hear from many members.
MAX_WANTED_PEERS = 256

# --- port mapping --------------------------------------------------------------------------
# A router that promises a port for years would never be asked again (RFC 6887, section 15).
MAPPING_LIFETIME_MAX_S = 24 * 3600
# What a UPnP router (or who poses as one) says of itself is read into memory, one service by one
# request each.
UPNP_BODY_MAX = 256 * 1024
UPNP_REQUESTS_MAX = 40
# Answers that are read in one search.
SSDP_ANSWERS_MAX = 32

# --- calls ---------------------------------------------------------------------------------
# Endpoints that a call names: fewer than a record, so that a caller has nobody probe more
# addresses by it than by that.
CALL_ENDPOINTS_MAX = 8
# How often a call is handed on: bounds what one datagram makes others send. Ways in the graph of
# neighbourhoods are about a third of log2(N) steps long.
CALL_HOPS_MAX = 8
# Calls that one address hands us: each makes us send one, or open a box.
CALLS_PER_S = 10.0
CALLS_BURST = 100.0
# Calls that came, so that none is handed on twice.
CALLS_REMEMBERED = 4096

# --- what is told of ways ----------------------------------------------------------------------
# Endpoints of which it is remembered why they were not reached: anybody can send us ICMP.
WAY_ERRORS_MAX = 256

# --- relays --------------------------------------------------------------------------------
# Ports that a relay lends at one time: each is a socket, and bounds what strangers to it can use.
RELAY_ALLOCATIONS = 256
# Sides that one address has bound (IPv6: one /48): a household, or whoever makes up devices.
RELAY_SIDES_PER_ADDRESS = 64
# Ports that a relay asks its router for, to lend them, and of how many it tries to get so many.
ROUTER_RELAY_PORTS = 8
ROUTER_PORTS_TRIED = 32
# Who waits at a relay for the other side to bind: in all, of one address, and one device.
RELAY_WAITING = 4096
RELAY_WAITING_PER_ADDRESS = 512
RELAY_WAITS_MAX = 16
# Open invites for whose holders a device waits at anchors: the newest.
INVITE_WAITS_MAX = 4
# Binds that one address may send: each costs a look-up, the first of a pair a socket.
RELAY_BINDS_PER_S = 20.0
RELAY_BINDS_BURST = 200.0
# Packets that come to a lent port from neither of its sides, and are opened to see whether they
# bind: whoever floods it pays no more of our time than this.
RELAY_OPENED_PER_S = 50.0
RELAY_OPENED_BURST = 100.0
# Relays that a call names, and that a device binds at for one peer.
CALL_RELAYS_MAX = 3

# --- endpoint records ---

# Every envelope has this size, so that none tells its content apart; below 1000 bytes, so that
# the same blob fits a BEP 44 item and no datagram needs fragments.
RECORD_SIZE = 800
# A member that floods its peers' path agents with addresses to probe (and strangers with probes).
RECORD_CANDIDATES_MAX = 16
# A record is found for its epoch, the next one, and the fifth of an epoch before: an author who
# asks holders to keep more only takes their space.
RECORD_LIFETIME_MAX_S = 14 * 3600
# Clocks of holders and authors differ by an hour each, either way; an author who promises more
# than this beyond a lifetime only takes their space.
RECORD_CLOCK_TOLERANCE_S = 3 * 3600
# A roster that grows without end would make every reader's cache grow with it.
RECORD_CACHE_DEVICES_MAX = 16_384
# Public keys whose hash or form on Curve25519 is computed already, and signatures that are
# verified already: what many tell us of costs its arithmetic once, and bounded memory.
KEYS_REMEMBERED = 16_384
SIGNATURES_REMEMBERED = 4096
# Locators that are computed already: a network of many devices, or one that goes on for many
# epochs, must not fill memory.
LOCATORS_REMEMBERED = 16_384

# --- membership ---

# A statement fits one sealed datagram; a member cannot make others carry more.
STATEMENT_SIZE_MAX = 900
# Parents that each cost a look-up, and 32 bytes of STATEMENT_SIZE_MAX.
STATEMENT_PARENTS_MAX = 8
# Tags of a device that make a statement too large for a datagram.
TAGS_MAX = 8
# Names that admins add to those of the devices, and what one of them stands for: every device holds
# them all, and the statement fits a datagram.
EXTRA_NAMES_MAX = 256
NAME_TARGETS_MAX = 8
# Statements whose parents never come: the oldest waiting one makes room.
STATEMENT_ORPHANS_MAX = 256
# A member that writes statements for ever fills memory and disk of all others.
STATEMENTS_MAX = 65_536
# Each statement that a member writes makes another roster: only the latest are kept.
ROSTERS_REMEMBERED = 4
# The link is typed, scanned and mailed; more hints than these make its QR code unreadable.
LINK_HINTS_MAX = 8
LINK_ANCHORS_MAX = 2
# A "link" of megabytes in an argument or a file.
LINK_TEXT_MAX = 4096
# Invites are judged by the clocks of machines without a battery.
CLAIM_CLOCK_TOLERANCE_S = 300

# --- DHT -----------------------------------------------------------------------------------
# A sealed record is at most 1000 bytes; anything larger is junk that a holder would pay for.
DHT_VALUE_BYTES = 1000
# Records held for others: 4 MB. Stops a storage flood from filling memory.
DHT_VALUES = 4096
# Records taken from one address prefix (/24, /48). Whoever signs junk under keys made up by the
# thousand fills its own share and nobody else's.
DHT_VALUES_PER_PREFIX = 1024
# The same for one sender id behind a prefix that many share (a LAN, a provider's NAT).
DHT_VALUES_PER_SENDER = 512
# Values that one address hands in: each new one costs two signature checks and a write to disk,
# which a flood of junk would make a core's whole work.
DHT_STORES_PER_S = 20.0
DHT_STORES_BURST = 200.0
# Addresses whose rate is remembered: a flood from many must not fill memory.
DHT_RATE_SOURCES = 4096
# Stores that wait for a slow disk before they are acknowledged; beyond, the sender hears nothing.
DHT_STORES_UNWRITTEN = 1024
# A record is let go a day after it was taken, whatever it says of itself: storage cannot be
# bought for longer than that by one message.
DHT_VALUE_LIFETIME_S = 24 * 3600.0
# Contacts read from one reply: a liar cannot make us ask more addresses than a bucket has.
DHT_CONTACTS_PER_REPLY = 20
# Candidates one look-up keeps: endless lists of invented neighbours must end somewhere.
DHT_LOOKUP_CANDIDATES = 256
# Requests one look-up sends at most: bounds what a lying neighbour can make us send.
DHT_LOOKUP_REQUESTS = 128
# Changes of paths and members that are remembered for whoever watches: a peer whose path flaps
# must not fill memory.
HAPPENINGS_REMEMBERED = 1000
# Samples of a peer's traffic and round trips that are remembered for whoever watches: as many as
# the widest chart shows; and peers whose traffic is.
SAMPLES_REMEMBERED = 360
TRAFFIC_PEERS_REMEMBERED = 256
# Look-ups that are remembered for whoever watches: a flood of them must not fill memory.
DHT_SEARCHES_REMEMBERED = 64
# Anchors that each record is handed to: an admin who invites them by the hundred would make
# every device tell them all.
DHT_ANCHORS = 16
# Requests that wait for a reply at one time, of all look-ups together.
DHT_OUTSTANDING = 4096
# Endpoints that one source may name at a start: a poisoned one cannot make us ask without end.
DHT_BOOTSTRAP_PER_SOURCE = 256
# Endpoints that members were heard from while we were outside: one member with many addresses
# cannot fill memory.
HEARD_ENDPOINTS = 64
# Beacons are judged by the clocks of machines without a battery; what a neighbour has recorded
# is worth nothing after this.
BEACON_CLOCK_TOLERANCE_S = 2 * 3600
# Nonces of beacons, so that none is heard twice: one household says a few hundred in that time.
BEACONS_REMEMBERED = 1024
# Addresses that did not answer of late: liars tell of any number.
DHT_SILENT_ENDPOINTS = 1024
# Newcomers whose address is being proved: requests from made-up ids cost one ping each.
DHT_PENDING_ADMISSIONS = 64
# Reply keys of nodes that have proved their id: whoever makes keys by the thousand, and is told of
# as a contact, must not fill memory. The longest unused falls out and is asked for again.
DHT_REPLY_KEYS = 4096
# Contacts, as they stand in replies, and addresses that are parsed already: likewise.
DHT_WIRE_CONTACTS = 16_384
# Box keys with devices that asked us for a proof, or gave theirs. One costs 0.2 ms of X25519.
DHT_BOX_KEYS = 4096
# Proofs asked for by one address under keys that are new to us: keys cost nothing to make up, and
# each would cost us an X25519. The same for all addresses together that have not echoed a token.
DHT_PROOFS_PER_S = 20.0
DHT_PROOFS_BURST = 200.0
# Buckets of the routing table: ids ground close to ours could otherwise split it without end.
DHT_BUCKETS = 128
# Contacts of one address prefix (/24, /48) in one bucket, and in the table, once it has k
# contacts. Whoever rents one network makes ids by the thousand, and would be all that we know.
DHT_CONTACTS_PER_PREFIX_IN_BUCKET = 4
DHT_CONTACTS_PER_PREFIX = 16
# Contacts written to disk, newest first: enough to come back without a bootstrap.
DHT_SAVED_CONTACTS = 256

# --- gossip ---
# A change is told to this many neighbours; they tell theirs. All of a homelab at once.
MAX_GOSSIP_FANOUT = 16
# Datagrams in one answer to a FETCH: a member that asks in a loop draws a bounded burst each time.
MAX_STATEMENT_PACKETS = 16
# What a neighbour was told and has not shown yet, and whom we owe a word for what they told us:
# a log of years that arrives at once must not be held twice.
DOUBTED_STATEMENTS_MAX = 64

# --- backups ---
# A file is read into memory as a whole; the largest log and all records held make 80 MB.
BACKUP_SIZE_MAX = 256 * 1024 * 1024
# What a file says that its passphrase costs: a made-up one must not take all memory, or for ever.
PASSPHRASE_MEMORY_MAX = 1024 * 1024 * 1024
PASSPHRASE_PASSES_MAX = 16

# --- joining ---
# Whoever holds a link can send claims; each costs two signature checks and a box.
JOIN_REQUESTS_PER_S = 20.0
JOIN_REQUESTS_BURST = 40.0
# Addresses that an anchor asks in one round: whoever fills its table with contacts would otherwise
# have it send to them all.
ANCHOR_ASKS = 16
# Hand-overs and refusals that a joiner weighs: whoever holds the packet key can send it any number.
JOIN_OFFERS_MAX = 16

# Devices that wait for an admin's word, in all and of one invite: whoever holds its link makes keys
# without end. Who asks no more makes room.
APPLICANTS_MAX = 64
APPLICANTS_PER_INVITE = 16
# Refusals by admins that are remembered, for the same reason.
DENIALS_MAX = 64
# What an admin says to who is refused travels in one box with a bounded reason.
DENIAL_REASON_MAX = 120
# Admins that a claim is passed on to; one is enough to be seen.
APPLICANT_FANOUT = 8

# --- journal ---
# A disk slower than the network must not make the queue of writes grow for ever.
JOURNAL_WRITES = 10_000

# --- generations ---
# Packets that do not open are tried under the keys of other generations: a flood of junk would
# cost eight times its opening.
OTHER_KEYS_PER_S = 100.0
OTHER_KEYS_BURST = 200.0
# Older generations that are remembered, and for how long: what a thief was given helps it to ask,
# in vain, no longer than a device that was off needs it to come back.
OLDER_GENERATIONS = 8
OLDER_GENERATIONS_S = 60 * 86400.0
# Secrets that were handed to us and that no statement has borne out yet: a member could hand us
# any number.
WAITING_GENERATIONS = 4
# Keys that a device had before and still speaks for, to those who were off when it replaced them.
FORMER_KEYS = 4
# Requests for the secret that are answered: each costs a box, and a recorded one may come again.
SECRET_REQUESTS_PER_S = 50.0
SECRET_REQUESTS_BURST = 200.0
# A device that is out and asks: its thief asks for ever, and each costs a box. It hears so much in
# so many seconds, and is remembered among so many.
OUTCASTS_PER_S = 2.0
OUTCASTS_BURST = 20.0
OUTCAST_ANSWERS = 6
OUTCAST_WINDOW_S = 900.0
OUTCASTS_REMEMBERED = 256
# Hand-overs that an anchor takes up one after the other: whoever knows its welcome can send any
# number.
ANCHOR_HAND_OVERS = 4

# --- streams ---
# Whoever reaches the TCP port can open streams; those that have not shown the packet key yet, and
# those of one address, are fewer than all. A family behind one NAT needs a few.
STREAMS_MAX = 64
STREAMS_PER_HOST = 8
STRANGERS_MAX = 32
STRANGERS_PER_HOST = 4
# A peer that does not read, or a slow line: what waits for it is no more than this; the rest is
# dropped, as any full queue does.
STREAM_BACKLOG = 256 * 1024
# Servers that are tried; members and hints name them.
STREAM_SERVERS_MAX = 12
# Ports of the serving machine that one stream's datagrams came from: each has a local socket.
STREAM_PORTS_MAX = 64
# What a proxy, or who plays one, says before the stream begins.
PROXY_ANSWER_MAX = 8192

# --- names ---
# Any program of the machine may ask, and so may a page in a browser by way of one: more queries
# than these, half a millisecond each, go unanswered and are asked again.
NAME_QUERIES_PER_S = 500.0
NAME_QUERIES_BURST = 1000.0
# Who asks by TCP, and never ends its connection; and what it says before its question is read.
NAME_STREAMS = 16
NAME_QUERY_SIZE = 2048
