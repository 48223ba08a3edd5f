"""Draws the figures of every chapter: `python -m images`, or `make figures`."""

from images import introduction
from images.style import save

save(introduction.draw(introduction.trained_translator()), introduction.IMAGES)
