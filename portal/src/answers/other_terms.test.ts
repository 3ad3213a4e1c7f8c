import { describe, expect, it } from 'vitest'
import type { GrantRequest, Terms } from '../api/schema'
import { NOTHING_ELSE, otherTerms, outOfBounds } from './other_terms'
import { sumsOf } from './request_sums'

const HOUR = 3_600_000
const terms = (devices: number, hours: number | null, price: number | null = null) =>
  ({ since: 5, until: hours === null ? null : 5 + hours * HOUR, price, shares: devices ? [{ flavor: 'a100', cluster: 'east', devices }] : [], taken: [] }) as unknown as Terms

describe('a part of what is asked for', () => {
  it('is nothing else where nothing was changed, however odd its time', () => {
    expect(otherTerms(NOTHING_ELSE, terms(8, 1.51))).toBeNull()
    expect(otherTerms({ ...NOTHING_ELSE, devices: 8, hours: 72 }, terms(8, 72))).toBeNull()
  })

  it('names what is different alone', () => {
    expect(otherTerms({ ...NOTHING_ELSE, devices: 4 }, terms(8, 72))).toEqual({ devices: 4, lasts: null, accelerator: null, clusters: null })
    expect(otherTerms({ ...NOTHING_ELSE, hours: 48, accelerator: ' t4 ', clusters: 'east, west,' }, terms(8, 72))).toEqual({
      devices: null, lasts: 48 * HOUR, accelerator: 't4', clusters: ['east', 'west'],
    })
  })

  it.each([
    [{ devices: 9 }, 'That is more than the 8 GPUs that were asked for'],
    [{ hours: 73 }, 'That is longer than the 3 d that were asked for'],
    [{ devices: 8, hours: 72 }, ''],
    [{ devices: 1 }, ''],
  ])('with %o is refused as: %s', (some, said) => expect(outOfBounds({ ...NOTHING_ELSE, ...some }, terms(8, 72))).toBe(said))
})

describe('several requests', () => {
  const request = (team: string, of: Terms) => ({ wish: { team }, terms: of }) as unknown as GrantRequest

  it('come to teams, devices and what is known of their price', () => {
    const all = [request('nlp', terms(8, 72, 100)), request('nlp', terms(1, 2, null)), request('cv', terms(0, null, 50))]
    expect(sumsOf(all)).toEqual({ requests: 3, teams: 2, devices: 9, price: 150, unpriced: 1 })
    expect(sumsOf([])).toEqual({ requests: 0, teams: 0, devices: 0, price: 0, unpriced: 0 })
  })
})
