import { describe, expect, it } from 'vitest'
import type { TeamGrant } from '../api/schema'
import type { DeclaredTeam, QueueStanding, QueueUse } from './documents'
import { reclaimersOf, shownRows, treeOf } from './queue_tree'
import { termsOf } from './quota_terms'

const use = (some: Partial<QueueUse>): QueueUse => ({
  clusterQueue: 'nlp',
  flavor: 'a100',
  resource: 'nvidia.com/gpu',
  nominal: 12,
  limit: 18,
  used: 16,
  borrowed: 4,
  lent: 0,
  borrowsFrom: [{ lender: 'cv', amount: 4 }],
  ...some,
})
const queue = (name: string, uses: readonly QueueUse[], pending = 0): QueueStanding => ({
  cluster: 'training',
  clusterQueue: name,
  cohort: 'all',
  stopPolicy: null,
  inactive: null,
  pending,
  head: null,
  heldBack: 0,
  quotas: uses,
})
const team = {
  name: 'nlp',
  id: 'nlp',
  placements: [
    {
      cluster: 'training',
      environment: 'staging',
      cohort: 'all',
      accelerators: [{ flavor: 'a100', nominal: 12, borrowingLimit: 6, lendingLimit: null }],
    },
  ],
} as unknown as DeclaredTeam
const grant = (owner: string, state: TeamGrant['state'], devices: number, of = '') =>
  ({
    id: `r-${owner}-${devices}`,
    team: owner,
    state,
    terms: {
      shares: [{ cluster: 'training', flavor: 'a100', devices }],
      taken: of ? [{ team: of, share: { cluster: 'training', flavor: 'a100', devices } }] : [],
    },
  }) as unknown as TeamGrant

describe('how much a team has left', () => {
  it('is own and granted, less what was taken, and borrowed, less what is used', () => {
    const grants = [grant('nlp', 'active', 4), grant('nlp', 'ended', 8), grant('cv', 'active', 2, 'nlp'), grant('cv', 'due', 3, 'nlp')]
    const [found] = termsOf(team, grants, [queue('nlp', [use({ resource: 'cpu', nominal: 9000 }), use({})])])
    expect(found).toMatchObject({ own: 10, guaranteed: 12, nominal: 12, borrowed: 4, used: 16, left: 0, queue: 'nlp' })
    expect(found?.grants.map((each) => each.devices)).toEqual([4])
    expect(found?.taken.map((each) => each.devices)).toEqual([2])
  })

  it('is not known where the queue is not seen', () => {
    const [found] = termsOf(team, [], [])
    expect(found).toMatchObject({ own: 12, guaranteed: 12, nominal: null, used: null, left: null })
  })
})

describe('queues as a tree', () => {
  const items = [
    queue('nlp', [use({}), use({ resource: 'cpu', nominal: 1, used: 1 })]),
    queue('cv', [use({ clusterQueue: 'cv', used: 2, borrowed: 0, lent: 4, borrowsFrom: [] })], 3),
    queue('cpu-only', [use({ resource: 'cpu' })]),
  ]

  it('sums what is wanted, cohort by cohort, and leaves out queues without any of it', () => {
    const [cohort] = treeOf(items, (each) => each.resource !== 'cpu')
    expect(cohort).toMatchObject({ name: 'all', nominal: 24, used: 18, borrowed: 4, lent: 4, pending: 3 })
    expect(cohort?.children.map((each) => each.name)).toEqual(['nlp', 'cv'])
    expect(shownRows([cohort!], (node) => node.level === 0).map((each) => each.name)).toEqual(['all', 'nlp', 'cv'])
  })

  it('names who may take back what was borrowed, those first whose work waits', () => {
    const borrowed = use({ borrowsFrom: [{ lender: 'recsys', amount: 9 }, { lender: 'cv', amount: 4 }] })
    const waiting = new Map([['training/cv', 3]])
    expect(reclaimersOf(queue('nlp', []), [borrowed, borrowed], waiting)).toEqual([
      { lender: 'cv', amount: 8, pending: 3 },
      { lender: 'recsys', amount: 18, pending: 0 },
    ])
  })
})
