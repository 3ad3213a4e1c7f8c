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
    ("people",): (Example("allot people list", "who has signed in", ExampleNeeds.PEOPLE),),
    ("people", "list"): (Example("allot people list -l state=out", "who is shut out", ExampleNeeds.PEOPLE),),
    ("people", "shut-out"): (Example("allot people shut-out ada@acme.example", "at once", ExampleNeeds.PEOPLE),),
    ("people", "let-in"): (Example("allot people let-in ada@acme.example", "again", ExampleNeeds.PEOPLE),),
    ("login",): (
        Example("allot login http://127.0.0.1:7433", "through ssh -L, or on the same machine", ExampleNeeds.ELSEWHERE),
        Example("allot login http://127.0.0.1:7433 --token-stdin <token.txt", "from a file", ExampleNeeds.ELSEWHERE),
    ),
    ("whoami",): (Example("allot whoami", "and what you may", ExampleNeeds.ELSEWHERE),),
    ("logout",): (Example("allot logout", "forget the token", ExampleNeeds.ELSEWHERE),),
}
