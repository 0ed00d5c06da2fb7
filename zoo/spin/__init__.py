"""Spins on periodic lattices: energies, exact values, and chains that sample them."""
