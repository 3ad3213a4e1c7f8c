import { describe, expect, it } from 'vitest'
import type { Alarm, QuotaUse } from './documents'
import { byLayer, namesOf, wantedLimits } from './limits'

const limit = (layer: string, name: string, percent: number, alarm: Alarm): QuotaUse => ({
  cluster: 'east', layer, name, resource: 'cpu', used: percent, limit: 100, guaranteed: null, percent, alarm, fullAt: null,
})
const LIMITS = [
  limit('queue', 'cv/a100-spot', 97, 'stop'),
  limit('queue', 'nlp/a100-spot', 81, 'warning'),
  limit('namespace', 'cv', 62, 'increase'),
  limit('namespace', 'nlp', 10, 'none'),
  limit('account', 'physics', 99, 'stop'),
]

describe('limits', () => {
  it('are counted by layer, from the namespace to the team', () => {
    const sums = byLayer(LIMITS)
    expect(sums.map((each) => [each.layer, each.all, each.fullest?.name ?? null])).toEqual([
      ['namespace', 2, 'cv'],
      ['queue', 2, 'cv/a100-spot'],
      ['team', 0, null],
      ['account', 1, 'physics'],
    ])
    expect(sums[0]?.alarms).toEqual({ none: 1, increase: 1, warning: 0, stop: 0 })
    expect(sums[1]?.alarms).toEqual({ none: 0, increase: 0, warning: 1, stop: 1 })
  })

  it('are those that are nearly full, or what is asked for', () => {
    const names = (layer?: string, alarm?: string) => wantedLimits(LIMITS, layer, alarm).map((each) => each.name)
    expect(names()).toEqual(['cv/a100-spot', 'nlp/a100-spot', 'physics'])
    expect(names('queue', 'warning')).toEqual(['nlp/a100-spot'])
    expect(names(undefined, 'increase')).toEqual(['cv'])
    expect(names('namespace', 'all')).toEqual(['cv', 'nlp'])
  })

  it('of a queue name its flavor apart', () => {
    expect(LIMITS.slice(1, 3).map(namesOf)).toEqual([{ of: 'nlp', flavor: 'a100-spot' }, { of: 'cv', flavor: '' }])
  })
})
