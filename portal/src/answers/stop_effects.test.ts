import { describe, expect, it } from 'vitest'
import type { CheckpointPolicy, JobRow } from '../api/schema'
import { isGivenBack, stopEffects } from './stop_effects'

const row = (id: string, some: Partial<JobRow> = {}): JobRow => ({ id, name: `job-${id}`, owner: 'ada', state: 'running', devices: 0, backend: 'east', started: 1000, parent: '', ...some }) as JobRow
const keeps = { directory: '/c', grace: 30, interval: 600, of: '' } as CheckpointPolicy

describe('what comes of a stop', () => {
  const all = [
    row('a', { devices: 4 }), row('b', { devices: 2, owner: 'bob', started: 500 }), row('c', { state: 'queued', devices: 8, started: null }),
    row('d', { state: 'queued', devices: 1, started: null }), row('e', { state: 'queued', devices: 1, started: null, backend: 'west' }),
    row('f', { state: 'queued', started: null }), row('g', { parent: 'a' }), row('h', { parent: 'a', state: 'succeeded' }),
  ]
  const of = (ids: string, checkpoints: ReadonlyMap<string, CheckpointPolicy | null> = new Map()) =>
    stopEffects(all.filter((each) => ids.includes(each.id)), all, checkpoints, 'ada', 2000)

  it('is what those lose that run, the longest first, and who waits where they are', () => {
    const found = of('ab', new Map([['a', null], ['b', keeps]]))
    expect(found.lost.map(({ name, ran }) => [name, ran])).toEqual([['job-b', 1500], ['job-a', 1000]])
    expect(found.freed).toBe(6)
    expect(found.waiting).toEqual(['job-c', 'job-d'])
    expect(found.members).toBe(1)
  })

  it('is lost for good for others where they keep no checkpoint, and nobody is warned of what is his own', () => {
    expect(of('ab', new Map([['a', null], ['b', null]])).ofOthers.map((each) => each.name)).toEqual(['job-b'])
    expect(of('ab', new Map([['a', null], ['b', keeps]])).ofOthers).toEqual([])
    expect(of('ab').ofOthers).toEqual([])
  })

  it('is nothing for one that has not begun', () => expect(of('c')).toEqual({ lost: [], ofOthers: [], members: 0, freed: 0, waiting: [] }))
})

it.each([
  ['queued', null, true],
  ['running', null, false],
  ['running', keeps, true],
  ['running', undefined, false],
] as const)('%s with checkpoints %o can be had back: %s', (state, checkpoint, back) => expect(isGivenBack(state, checkpoint)).toBe(back))
