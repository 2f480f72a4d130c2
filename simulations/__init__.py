"""Whole nodes on a virtual clock and a simulated network; ``python -m simulations`` lists them."""
