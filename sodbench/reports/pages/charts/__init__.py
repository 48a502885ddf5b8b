"""Charts of pages: plain data in, Vega-Lite specifications out.

A specification holds its data. ``charts.js`` draws it: it makes the legend's buttons out of ``usermeta``,
sets the signal ``hidden`` when one is pressed, and adds the colours of `theme`.
"""
