import { describe, expect, it } from 'vitest'
import type { GrantState, TeamGrant } from '../api/schema'
import { stacked } from './grant_stacks'

const grant = (id: string, team: string, devices: number, until: number | null, state: GrantState = 'active') =>
  ({ id, team, state, terms: { shares: [{ cluster: 'east', flavor: 'a100', devices }], taken: [], since: 0, until, price: 0 } }) as unknown as TeamGrant

describe('grants of one team', () => {
  it('add up, each with an end of its own; what ends first comes first', () => {
    const [cv, nlp] = stacked([
      grant('a', 'nlp', 4, null),
      grant('b', 'nlp', 2, 500),
      grant('c', 'cv', 1, 100),
      grant('d', 'nlp', 8, 300),
      grant('e', 'nlp', 16, 200, 'giving'),
    ])
    expect(cv?.team).toBe('cv')
    expect(nlp?.grants.map((each) => each.id)).toEqual(['e', 'd', 'b', 'a'])
    expect(nlp?.devices).toBe(14)
  })
})
