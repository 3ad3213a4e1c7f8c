"""What a server is started with, word by word."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from allotment.api.proposing import add_forge_words
from allotment.api.telemetry.log import FORMATS, TEXT
from allotment.operations.directory.configuration import setting


def parsed(words: Sequence[str] | None, described: str | None) -> argparse.Namespace:
    """The words; `described` says what is started."""
    parser = argparse.ArgumentParser(prog="python -m allotment.api", description=described)
    parser.add_argument("--platform", default="", help="platform directory; the example that comes along by default")
    parser.add_argument("--slots", type=int, default=None, help="slots that stand for accelerators where none is found")
    parser.add_argument("--demo", action="store_true", help="serve a fleet that is made up, in a folder of its own")
    parser.add_argument("--demo-seed", type=int, default=7, help="of all that is drawn there")
    parser.add_argument("--store", default="", help="where jobs are kept: a path, or the address of a PostgreSQL")
    parser.add_argument("--listen", default="", help="address of the network to listen on besides the socket")
    parser.add_argument(
        "--loopback",
        action="store_true",
        help="listen on loopback, the usual port or one that is free, unless --listen",
    )
    parser.add_argument("--hosts", default="", help="names by which it may be called there, with commas between them")
    parser.add_argument("--trusted-proxies", default="", help="proxies that are believed when they say who has asked")
    parser.add_argument("--tls-cert", default="", help="its certificate chain")
    parser.add_argument("--tls-key", default="", help="the certificate's key")
    parser.add_argument("--repository", default="", help="Git repository that the platform directory is kept in")
    parser.add_argument("--repository-branch", default="main", help="its branch that counts")
    parser.add_argument("--repository-folder", default="", help="the platform directory within")
    parser.add_argument(
        "--repository-mode",
        default="direct",
        choices=("direct", "branch", "pull-request"),
        help="where commits of grants go",
    )
    add_forge_words(parser)
    parser.add_argument("--oidc-issuer", default="", help="identity provider whose people may sign in")
    parser.add_argument("--oidc-client", default="allotment", help="name under which it knows this client")
    parser.add_argument("--oidc-groups", default="groups", help="claim of its tokens that lists groups")
    parser.add_argument("--oidc-groups-prefix", default="", help="what the directory puts before their names")
    parser.add_argument("--oidc-scopes", default="openid profile email", help="what is asked of it")
    parser.add_argument("--oidc-ca", default="", help="certificates that its own is checked against")
    parser.add_argument("--notices", default="", help="file of receivers of notices")
    parser.add_argument(
        "--prometheus",
        default=os.environ.get(setting("prometheus").variable, ""),
        help="address of a Prometheus that measures the devices of every cluster, or CLUSTER=ADDRESS for each",
    )
    parser.add_argument("--prometheus-cluster-label", default="", help="label in which its series say their cluster")
    parser.add_argument("--key-file", default="", help="where the key of kept credentials lies")
    parser.add_argument("--metrics-listen", default="", help="address of health and metrics alone, without tokens")
    parser.add_argument("--recorded", default="", help="folder of recorded snapshots that books over a time rest on")
    parser.add_argument("--log-format", default=TEXT, choices=FORMATS, help="of the log: lines of text, or of JSON")
    parser.add_argument("--access-log", action="store_true", help="have the log tell of each request")
    parser.add_argument("--standby", action="store_true", help="wait while another server on the same store leads")
    parser.add_argument("--advertise", default="", help="address by which a standby reaches this server")
    parser.add_argument("--shared-folder", default="", help="folder that servers with a standby share")
    return parser.parse_args(words)
