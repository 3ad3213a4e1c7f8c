/** Where one can go, and what somebody needs to be shown the way. */
export interface Place {
  readonly to:
    | '/'
    | '/jobs'
    | '/submit'
    | '/requests'
    | '/ask'
    | '/onboard'
    | '/leave'
    | '/books'
    | '/overview'
    | '/fleet'
    | '/accelerators'
    | '/queues'
    | '/quotas'
    | '/simulate'
    | '/drift'
    | '/waiting'
    | '/teams'
    | '/waste'
    | '/policies'
    | '/clusters'
    | '/backends'
    | '/audit'
    | '/help'
  readonly name: string
  readonly group: 'work' | 'platform'
  readonly needs?: string
  /** Reached from where it belongs, and by the palette. */
  readonly aside?: true
  /** Words by which it is found besides. */
  readonly also: string
}

export const places: readonly Place[] = [
  { to: '/', name: 'Home', group: 'work', also: 'overview mine' },
  { to: '/jobs', name: 'Jobs', group: 'work', needs: 'read', also: 'ps list running pending' },
  { to: '/submit', name: 'Submit', group: 'work', needs: 'submit', also: 'run new job' },
  { to: '/requests', name: 'Requests', group: 'work', needs: 'requests', also: 'grants approvals' },
  { to: '/ask', name: 'Ask for GPUs', group: 'work', needs: 'request', also: 'request quota more' },
  { to: '/overview', name: 'Overview', group: 'platform', needs: 'read', also: 'broken wasted risk health' },
  { to: '/fleet', name: 'Fleet', group: 'platform', needs: 'read', also: 'nodes slots gpus free stranded capacity' },
  { to: '/accelerators', name: 'Accelerators', group: 'platform', needs: 'read', also: 'who holds idle gpus' },
  { to: '/queues', name: 'Queues', group: 'platform', needs: 'read', also: 'quota cohort borrowed lent nominal' },
  { to: '/quotas', name: 'Quotas', group: 'platform', needs: 'read', also: 'editor nominal borrowing lending guarantee what-if' },
  { to: '/simulate', name: 'Simulate', group: 'platform', needs: 'read', also: 'what-if whatif futures compare two' },
  { to: '/waiting', name: 'What waits', group: 'platform', needs: 'read', also: 'why pending causes' },
  { to: '/teams', name: 'Teams', group: 'platform', needs: 'read', also: 'members quota cost' },
  { to: '/books', name: 'Books', group: 'platform', needs: 'requests', also: 'cost money month budget balance gpu-hours causes ledger' },
  { to: '/waste', name: 'Waste', group: 'platform', needs: 'read', also: 'idle cost money' },
  { to: '/onboard', name: 'Bring in a team', group: 'platform', needs: 'request', aside: true, also: 'onboarding new team add' },
  { to: '/leave', name: 'Have a team leave', group: 'platform', needs: 'request', aside: true, also: 'offboarding remove team' },
  { to: '/policies', name: 'Policies', group: 'platform', needs: 'read', also: 'violations limits books guardrails' },
  { to: '/clusters', name: 'Clusters', group: 'platform', needs: 'read', also: 'age stale silent connect' },
  { to: '/drift', name: 'Drift', group: 'platform', needs: 'declare', also: 'declared live diff changed repair plan' },
  { to: '/backends', name: 'Back ends', group: 'platform', needs: 'read', also: 'slurm local offers' },
  { to: '/audit', name: 'Audit trail', group: 'platform', needs: 'audit', also: 'who did what changed last night' },
  { to: '/help', name: 'Causes of waiting', group: 'platform', needs: 'read', also: 'help explain ALT codes' },
]
