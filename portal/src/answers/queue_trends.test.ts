import { describe, expect, it } from 'vitest'
import type { QueueStanding, QueueTrends, QueueUse } from './documents'
import { isDevice, treeOf } from './queue_tree'
import { lineOf, runsOf, trendOf, trendsBy } from './queue_trends'

const use = (flavor: string): QueueUse =>
  ({ flavor, resource: 'nvidia.com/gpu', nominal: 8, used: 1, borrowed: 0, lent: 0, limit: null, borrowsFrom: [] }) as unknown as QueueUse
const queue = (clusterQueue: string, flavors: string[]): QueueStanding =>
  ({ cluster: 'east', clusterQueue, cohort: 'all', pending: 0, quotas: flavors.map(use) }) as unknown as QueueStanding
const trend = (clusterQueue: string, flavor: string, used: (number | null)[]) =>
  ({ cluster: 'east', clusterQueue, flavor, resource: 'nvidia.com/gpu', used, nominal: used.map((each) => (each === null ? null : 8)), most: used, looks: [] })

const TRENDS = trendsBy({
  items: [trend('nlp', 'a100', [null, 1, 2, null]), trend('nlp', 't4', [null, null, 3, null]), trend('cv', 'a100', [null, 4, 5, null])],
} as unknown as QueueTrends)
const [cohort] = treeOf([queue('nlp', ['a100', 't4']), queue('cv', ['a100']), queue('new', ['a100'])], (each) => isDevice(each.resource))

describe('what was used over a time', () => {
  it('is summed as the tree is, with gaps where nothing was seen', () => {
    expect(cohort && trendOf(cohort, TRENDS)).toEqual({ used: [null, 5, 10, null], nominal: [null, 16, 24, null] })
    const [nlp, cv, fresh] = cohort?.children ?? []
    expect(nlp && trendOf(nlp, TRENDS)?.used).toEqual([null, 1, 5, null])
    expect(nlp?.children[1] && trendOf(nlp.children[1], TRENDS)?.used).toEqual([null, null, 3, null])
    expect(cv && trendOf(cv, TRENDS)?.used).toEqual([null, 4, 5, null])
    expect(fresh && trendOf(fresh, TRENDS)).toBeNull()
  })

  it('is of the flavors alone that are shown', () => {
    const [narrowed] = treeOf([queue('nlp', ['a100', 't4'])], (each) => each.flavor === 't4')
    expect(narrowed && trendOf(narrowed, TRENDS)?.used).toEqual([null, null, 3, null])
  })
})

describe('a line', () => {
  const values = [null, 1, 2, null, null, 0]

  it('is broken where nothing was seen', () => {
    expect(runsOf(values, true)).toEqual([{ from: 1, to: 3 }, { from: 5, to: 6 }])
    expect(runsOf(values, false)).toEqual([{ from: 0, to: 1 }, { from: 3, to: 5 }])
    expect(runsOf([], true)).toEqual([])
    expect(runsOf([0, 0], false)).toEqual([])
  })

  it('goes through the middles; a stretch alone is a dash', () => {
    expect(lineOf(values, { from: 1, to: 3 }, (value) => 10 - value)).toBe('M1.5 9L2.5 8')
    expect(lineOf(values, { from: 5, to: 6 }, (value) => 10 - value)).toBe('M5.1 10L5.9 10')
  })
})
