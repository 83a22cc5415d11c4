"""Readers: files, archives, web pages and datasets -> Documents; each record that cannot be read is named."""
