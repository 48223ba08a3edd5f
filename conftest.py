"""What every test run needs, whichever files it is given: the blocks of the pages are tests."""

pytest_plugins = ["pytester", "tests.blocks.plugin", "tests.site_fixtures"]
