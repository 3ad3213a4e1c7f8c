import { describe, expect, it } from 'vitest'
import type { TeamBalance } from '../api/schema'
import { budgetPace, grantPace, isLateBudget, isLateGrant, watched } from './balances'

const month = (team: string, some: Partial<TeamBalance>): TeamBalance => ({
  team,
  start: 0,
  end: 100,
  budget: 1000,
  jobs: 0,
  granted: 0,
  granted_so_far: 0,
  left: 1000,
  grants: [],
  ...some,
})
const grant = { id: 'g', devices: 2, since: 0, until: 100, given: 80, used: 20 }

describe('how far a team is', () => {
  it('is what was used of a budget beside the time that has passed', () => {
    expect(budgetPace(month('nlp', { left: 400 }), 25)).toEqual({ used: 0.6, passed: 0.25 })
    expect(budgetPace(month('nlp', { left: -200 }), 25)?.used).toBe(1.2)
  })
  it('is nothing without a budget, and not 0 where nobody knows', () => {
    expect(budgetPace(month('nlp', { budget: null, left: null }), 25)).toBeNull()
    expect(budgetPace(month('nlp', { left: null }), 25)).toEqual({ used: null, passed: 0.25 })
    expect(grantPace({ ...grant, used: null }, 50)).toEqual({ used: null, passed: 0.5 })
    expect(grantPace({ ...grant, until: null }, 50).passed).toBeNull()
  })
  it.each([
    [150, true],
    [151, false],
  ])('with %d left of 1000 it is late: %s', (left, late) => expect(isLateBudget(budgetPace(month('nlp', { left }), 5))).toBe(late))
  it.each([
    [84, false],
    [85, true],
  ])('a grant at %d %% of its time is late: %s', (now, late) => expect(isLateGrant(grantPace(grant, now))).toBe(late))
})

describe('what somebody watches', () => {
  const all = [month('cv', { left: 100 }), month('nlp', {}), month('recsys', { budget: null, left: null, grants: [grant] })]
  it('is his own teams', () => expect(watched(all, ['nlp'], 5).map((each) => each.team)).toEqual(['nlp']))
  it('is whoever is late, for whoever has no team', () => {
    expect(watched(all, [], 5).map((each) => each.team)).toEqual(['cv'])
    expect(watched(all, [], 90).map((each) => each.team)).toEqual(['cv', 'recsys'])
  })
})
