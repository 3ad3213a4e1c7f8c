"""Reports as HTML pages with charts drawn as SVG."""
