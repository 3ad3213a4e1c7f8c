import { describe, expect, it } from 'vitest'
import type { ChangedJob, DeclaredTeam, WhatIf } from './documents'
import { changeOf, type Move, moveOf, movesOf, startsOver, teamFutures } from './futures'

const job = (more: Partial<ChangedJob>, namespace = 'team-nlp'): ChangedJob => ({
  job: { kind: 'Job', namespace, name: 'x' },
  queue: 'nlp',
  getsQuotaBefore: false,
  getsQuotaAfter: false,
  runsBefore: null,
  runsAfter: null,
  keptThen: null,
  waitSecondsBefore: null,
  waitSecondsAfter: null,
  changeSeconds: null,
  ...more,
})
const waits = (before: number | null, after: number | null, namespace?: string) =>
  job({ waitSecondsBefore: before, waitSecondsAfter: after }, namespace)

describe('what a change makes of one that waits', () => {
  it.each<[Move, ChangedJob, number | null]>([
    ['starts', job({ getsQuotaAfter: true, waitSecondsBefore: 60 }), -60],
    ['starts', job({ getsQuotaAfter: true }), null],
    ['stops', job({ getsQuotaBefore: true, waitSecondsAfter: 90 }), 90],
    ['sooner', waits(60, 30), -30],
    ['later', waits(60, 90), 30],
    ['later', job({ waitSecondsBefore: 60, waitSecondsAfter: 60, changeSeconds: 5 }), 5],
    ['later', waits(60, null), null],
    ['sooner', waits(null, 60), null],
    ['same', waits(60, 60), 0],
    ['same', waits(null, null), null],
  ])('%s', (move, of, change) => {
    expect(moveOf(of)).toBe(move)
    expect(changeOf(of)).toBe(change)
  })

  it('is summed: who no longer starts waits longer', () => {
    const told = { jobs: [waits(1, 2), job({ getsQuotaBefore: true }), waits(2, 1), job({ getsQuotaAfter: true })], preempted: [{ kind: 'Job', namespace: 'a', name: 'b' }] }
    expect(movesOf(told as unknown as WhatIf)).toEqual({ starts: 1, sooner: 1, later: 2, displaced: 1 })
  })
})

const team = { name: 'nlp', namespaces: ['team-nlp', 'nlp-dev'] } as unknown as DeclaredTeam

describe('both futures', () => {
  it('are told by team, and by namespace where it is nobody known', () => {
    const found = teamFutures([waits(60, 30), waits(20, 30, 'nlp-dev'), job({ getsQuotaAfter: true }, 'other')], [team])
    expect(found).toEqual([
      { team: 'nlp', waiting: 2, startNow: 0, startThen: 0, now: 40, then: 30, sooner: 1, later: 1 },
      { team: 'other', waiting: 1, startNow: 0, startThen: 1, now: null, then: 0, sooner: 1, later: 0 },
    ])
  })

  it('count who has started by when, of whom anything is known', () => {
    const { now, then, of } = startsOver([waits(60, 30), waits(60, null), waits(null, null), job({ getsQuotaBefore: true, getsQuotaAfter: true })])
    expect(of).toBe(3)
    expect(now).toEqual([[0, 1], [60, 3]])
    expect(then).toEqual([[0, 1], [30, 2]])
  })
})
