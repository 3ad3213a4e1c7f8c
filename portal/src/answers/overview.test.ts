import { describe, expect, it } from 'vitest'
import type { TeamGrant } from '../api/schema'
import type { Queues, Waste } from './documents'
import { brokenFleet, ending, reclaimable, wasted } from './overview'

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

  it('counts what is borrowed of those alone whose work waits', () => {
    const use = (lender: string, amount: number, resource = 'nvidia.com/gpu') => ({ resource, borrowsFrom: [{ lender, amount }] })
    const queues = {
      items: [
        { cluster: 'c', clusterQueue: 'cv', pending: 0, quotas: [use('nlp', 4), use('rec', 9), use('nlp', 1000, 'cpu')] },
        { cluster: 'c', clusterQueue: 'nlp', pending: 2, quotas: [] },
        { cluster: 'c', clusterQueue: 'rec', pending: 0, quotas: [] },
      ],
    } as unknown as Queues
    expect(reclaimable(queues)[0]?.number).toBe(4)
  })

  it('counts grants that end within a day, and those in conflict', () => {
    const grant = (state: string, until: number | null) => ({ state, terms: { until } }) as unknown as TeamGrant
    const found = ending([grant('active', 23 * HOUR), grant('active', 25 * HOUR), grant('active', null), grant('conflict', 1), grant('ended', 1)], 0)
    expect(found.map((each) => each.number)).toEqual([1, 1])
  })
})
