"""Results as others read them: documents for programs, pages and words for people."""
