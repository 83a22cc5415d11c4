"""Crawls of the web: pages of HTML, the WARC, WET and WAT files of Common Crawl, and the lists that name them."""
