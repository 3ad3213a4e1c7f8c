"""Examples of `allot token`, `login`, `whoami` and `logout`."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples.form import CommandExamples, Example, ExampleNeeds

EXAMPLES: Final[CommandExamples] = {
    ("token",): (Example("allot token list", "who gets in over the network", ExampleNeeds.SERVER),),
    ("token", "create"): (
        Example("allot token create laptop", "for yourself, for 90 days", ExampleNeeds.SERVER),
        Example("allot token create ci --gives read,submit --expires 30d", "for a machine", ExampleNeeds.SERVER),
    ),
    ("token", "list"): (Example("allot token list -l state=valid", "those that open something", ExampleNeeds.SERVER),),
    ("token", "revoke"): (Example("allot token revoke ci", "at once", ExampleNeeds.SERVER),),
    ("login",): (
        Example("allot login http://127.0.0.1:7433", "through ssh -L, or on the same machine", ExampleNeeds.ELSEWHERE),
        Example("allot login http://127.0.0.1:7433 --token-stdin <token.txt", "from a file", ExampleNeeds.ELSEWHERE),
    ),
    ("whoami",): (Example("allot whoami", "and what you may", ExampleNeeds.ELSEWHERE),),
    ("logout",): (Example("allot logout", "forget the token", ExampleNeeds.ELSEWHERE),),
}
