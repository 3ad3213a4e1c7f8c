/** Where one can go, and what somebody needs to be shown the way. */
export interface Place {
  readonly to: '/' | '/jobs' | '/submit' | '/requests' | '/ask' | '/backends'
  readonly name: string
  readonly group: 'work' | 'platform'
  readonly needs?: string
  /** Words by which it is found besides. */
  readonly also: string
}

export const places: readonly Place[] = [
  { to: '/', name: 'Home', group: 'work', also: 'overview mine' },
  { to: '/jobs', name: 'Jobs', group: 'work', needs: 'read', also: 'ps list running pending' },
  { to: '/submit', name: 'Submit', group: 'work', needs: 'submit', also: 'run new job' },
  { to: '/requests', name: 'Requests', group: 'work', needs: 'requests', also: 'grants approvals' },
  { to: '/ask', name: 'Ask for GPUs', group: 'work', needs: 'request', also: 'request quota more' },
  { to: '/backends', name: 'Back ends', group: 'platform', needs: 'read', also: 'clusters slurm local accelerators' },
]
