"""What was seen of clusters at one moment: objects of the Kubernetes API as far as answers need them, and no further.

Each struct is the part of an API object that some answer rests on, under the API's own names, so that a file of them
reads as `kubectl get -o json` does. What may hold a secret (environment, arguments, `data`, foreign annotations) has no
field here and is lost in the reading, not in the writing.
"""
