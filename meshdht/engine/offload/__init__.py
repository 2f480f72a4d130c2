"""Segmentation and coalescing of IP packets at a TUN device, as a network card would do it."""
