"""Draws the figures of every chapter: `python -m images`, or `make figures`."""

from images.chapters import CHAPTERS
from images.style import IMAGES, save

for chapter in CHAPTERS:
    save(chapter.draw(), IMAGES)
