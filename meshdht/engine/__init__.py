"""Engines that carry the mesh's traffic over WireGuard, behind one interface."""
