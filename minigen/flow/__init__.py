"""Normalizing flows: invertible maps whose change of volume is known, so that the density of their output is too.

Read `bijection.py` first (what a flow is), then `coupling.py` (layers that are easy to invert), then `realnvp.py`.
"""
