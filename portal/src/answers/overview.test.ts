import { describe, expect, it } from 'vitest'
import type { GrantRequest, TeamGrant } from '../api/schema'
import type { Books, Queues, Quotas, Waste } from './documents'
import { alarms, brokenFleet, ending, findings, isNoted, openOf, reclaimable, undecided, wasted } from './overview'
import { mayBeReclaimed, waitingIn } from './queue_tree'

const HOUR = 3_600_000
const waste = {
  entries: [
    { cause: 'unhealthy', gpuMs: 3 * HOUR },
    { cause: 'cordoned', gpuMs: 8 * HOUR },
    { cause: 'idle-held', gpuMs: 2 * HOUR },
    { cause: 'suspended-held', gpuMs: HOUR },
    { cause: 'quota-blocked', gpuMs: 4 * HOUR },
  ],
} as unknown as Waste

describe('the overview', () => {
  it('counts accelerators as the picture of the fleet does', () => {
    expect(brokenFleet(waste).map((each) => [each.key, each.number])).toEqual([
      ['broken', 3],
      ['closed', 8],
    ])
    expect(wasted(waste).map((each) => [each.number, each.search])).toEqual([
      [3, { kind: 'idle' }],
      [4, { kind: 'stranded' }],
      [0, { kind: 'reserved' }],
    ])
  })

  it('counts queues that have borrowed of those whose work waits', () => {
    const use = (lender: string, amount: number, resource = 'nvidia.com/gpu') => ({ resource, borrowsFrom: [{ lender, amount }] })
    const queues = {
      items: [
        { cluster: 'c', clusterQueue: 'cv', pending: 0, quotas: [use('nlp', 4), use('rec', 9), use('nlp', 1000, 'cpu')] },
        { cluster: 'c', clusterQueue: 'nlp', pending: 2, quotas: [] },
        { cluster: 'c', clusterQueue: 'rec', pending: 0, quotas: [] },
      ],
    } as unknown as Queues
    expect(reclaimable(queues)[0]?.number).toBe(1)
    // As many as the list of queues has that are like that.
    const { items } = queues
    expect(items.filter((each) => mayBeReclaimed(each, waitingIn(items)))).toHaveLength(1)
  })

  it('counts grants that end within a day, and those in conflict', () => {
    const grant = (state: string, until: number | null) => ({ state, terms: { until } }) as unknown as TeamGrant
    const grants = [grant('active', 23 * HOUR), grant('active', 25 * HOUR), grant('active', null), grant('conflict', 1), grant('ended', 1)]
    const found = ending(grants, 0)
    expect(found.map((each) => each.number)).toEqual([1, 1])
    // Each leads to exactly those grants.
    for (const { number, search } of found) expect(grants.filter((each) => isNoted(each, search?.kind ?? '', 0))).toHaveLength(number)
  })

  it('counts requests as their list does', () => {
    const requests = ['waiting', 'offered', 'approved', 'denied'].map((state) => ({ state }) as unknown as GrantRequest)
    expect(undecided(requests)[0]?.number).toBe(openOf(requests).length)
    expect(openOf(requests)).toHaveLength(2)
  })

  it('leads from what is nearly full, and from what is beyond the hardware, to that list alone', () => {
    const [full] = alarms({ items: [{ alarm: 'stop' }, { alarm: 'warning' }, { alarm: 'increase' }] } as unknown as Quotas)
    const [beyond] = findings({ findings: [{}] } as unknown as Books)
    expect([full?.number, full?.search, beyond?.search]).toEqual([2, { kind: 'limits' }, { kind: 'findings' }])
  })
})
