"""One Kubernetes API server over HTTPS: build the request, send it, read the answer."""
