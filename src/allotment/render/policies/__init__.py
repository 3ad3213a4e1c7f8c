"""Policy as code: one file for each `PolicyName`, rendered as native ValidatingAdmissionPolicies.

`rendering.py` turns the rules into objects; `admission.py` says what a rule is; `pod_template.py` holds the CEL
variables that find the pods inside every workload kind; `identities.py` says whom a rule does not bind.
"""

from allotment.render.policies.rendering import render_policies

__all__ = ["render_policies"]
