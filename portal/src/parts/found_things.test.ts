import { describe, expect, it } from 'vitest'
import { findThings, type KnownThings, thingsOf } from './found_things'

const terms = { since: 0, until: 9, price: null, shares: [{ flavor: 'a100', cluster: 'east', devices: 8 }], taken: [] }
const known = {
  teams: [
    { name: 'nlp-research', id: 't2', displayName: 'nlp-research', costCenter: 'cc-1' },
    { name: 'nlp', id: 't1', displayName: 'Natural language', costCenter: 'cc-2' },
    { name: 'cv', id: 't3', displayName: 'Computer vision', costCenter: 'cc-3' },
  ],
  asked: [
    { id: 'r1', state: 'waiting', requester: 'ada', wish: { kind: 'gpus', team: 'nlp', subject: '' }, terms },
    { id: 'g1', state: 'approved', requester: 'ada', wish: { kind: 'gpus', team: 'cv', subject: '' }, terms },
  ],
  given: [{ id: 'g1', state: 'active', kind: 'gpus', team: 'cv', requester: 'ada', terms }],
  queues: [{ cluster: 'training-east', clusterQueue: 'nlp', cohort: 'research' }],
  clusters: [{ name: 'training-east', purpose: 'training', environment: 'prod' }],
  entries: [
    { cluster: 'training-east', node: 'gpu-007', model: 'a100' },
    { cluster: 'training-east', node: 'gpu-007', model: 'a100' },
  ],
  causes: [{ code: 'ALT-1316', id: 'node-cordoned', title: 'Its node is cordoned' }],
} as unknown as KnownThings

const found = (text: string) => findThings(thingsOf(known), text, 5).map(({ kind, things }) => [kind, things.map((each) => each.said)])

describe('what is found by a part of its name', () => {
  it.each([
    ['nlp', [['Teams', ['nlp · Natural language', 'nlp-research']], ['Requests', ['8 a100 in east for nlp · r1']], ['Queues', ['nlp · training-east']]]],
    ['LANGUAGE', [['Teams', ['nlp · Natural language']]]],
    ['g1', [['Grants', ['8 a100 in east of cv · g1']]]],
    ['r1', [['Requests', ['8 a100 in east for nlp · r1']]]],
    ['u-007', [['Nodes', ['gpu-007 · training-east']]]],
    ['1316', [['Causes', ['ALT-1316 · Its node is cordoned']]]],
    ['cordon node', [['Causes', ['ALT-1316 · Its node is cordoned']]]],
    ['training', [['Queues', ['nlp · training-east']], ['Clusters', ['training-east']], ['Nodes', ['gpu-007 · training-east']]]],
    ['nothing-like-it', []],
    ['  ', []],
  ])('%s', (text, groups) => expect(found(text)).toEqual(groups))

  it('leads to where it is looked at', () => {
    const to = (text: string) => findThings(thingsOf(known), text, 1)[0]?.things[0]?.to
    expect(to('nlp')).toEqual({ to: '/teams/$team', params: { team: 'nlp' } })
    expect(to('gpu-007')).toEqual({ to: '/fleet', search: { node: 'training-east/gpu-007', q: 'gpu-007' } })
    expect(to('g1')).toEqual({ to: '/requests/$id', params: { id: 'g1' } })
    expect(to('alt-1316')).toEqual({ to: '/help/$code', params: { code: 'ALT-1316' } })
  })

  it('is cut where there is much of it, and says how much more there is', () => {
    expect(findThings(thingsOf(known), 'nlp', 1)[0]).toMatchObject({ kind: 'Teams', more: 1 })
  })

  it('has nothing of what was not told', () => expect(thingsOf({})).toEqual([]))

  it('takes 16 ms at most among 10,000', () => {
    const entries = Array.from({ length: 10_000 }, (_, number) => ({ cluster: 'east', node: `gpu-${number}`, model: 'a100' }))
    const things = thingsOf({ entries } as unknown as KnownThings)
    // The best of several: a machine does other things besides.
    const least = (text: string) =>
      Math.min(
        ...Array.from({ length: 40 }, () => {
          const began = performance.now()
          findThings(things, text, 5)
          return performance.now() - began
        }),
      )
    for (const text of ['gpu', 'gpu-99', '9 east', 'nowhere', 'a100 7']) expect(least(text), text).toBeLessThan(16)
  })
})
