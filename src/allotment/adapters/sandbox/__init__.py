"""A real control plane without a cluster: etcd, kube-apiserver, controller manager, scheduler, Kueue, KWOK.

Read `store` first (up, down, status), then `launch` (one start, step by step). `versions` pins the tools, `build` makes
them, `components` holds the command lines.
"""
