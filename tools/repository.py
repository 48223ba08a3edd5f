"""Where the book's code is: what stands between two marks becomes a link to the repository.

`<!--repository-->the repository<!--/repository-->` stays plain text where the site is built without
`GITHUB_REPOSITORY`, for then nobody knows the address.
"""

import re

from mkdocs.config.defaults import MkDocsConfig

MARKED = re.compile(r"<!--repository-->(.*?)<!--/repository-->")


def on_page_markdown(markdown: str, config: MkDocsConfig, **_: object) -> str:
    """Make the links, or leave the text."""
    name = config.extra["repository"]
    return MARKED.sub(rf"[\1](https://github.com/{name})" if name else r"\1", markdown)
