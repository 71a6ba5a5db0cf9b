"""Data that ships with minigen, or is drawn by it. Nothing is downloaded.

`toy`: 2-D densities whose exact log-probability is known. `mnist`: all 70,000 digits. `sprites`: 900 little monsters.
`shapes`: pictures whose factors are known. `sequences`: a noisy oscillator, and a digit that moves across a strip.
"""
