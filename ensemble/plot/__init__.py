"""Plots of a store, and figures that are declared in a file.

store_plot   plot every observable of a store against its coordinate, one line with an error band for each point
figure       figures declared in TOML: sweeps, fits, panels, published values
"""
