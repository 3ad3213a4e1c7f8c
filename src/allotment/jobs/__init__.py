"""Job → what a back end starts: processes, Kubernetes objects, batch scripts. Pure; a folder or file a back end."""
